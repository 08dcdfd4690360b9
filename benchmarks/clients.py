"""Clients of a served pipeline, many at once in a process of their own, so that their CPU time can be told apart."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp

_Result = TypeVar("_Result")
_BOUNDARY = "a-line-that-no-document-has-7c1f"
FORM_TYPE = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
_WAIT_SECONDS = 300


@dataclass(slots=True)
class Answers:
    """What a load of documents came to. `seconds` is from the first request to the last answer."""

    seconds: float = 0.0
    pages: int = 0
    wrong: int = 0
    """Documents whose answer is not 200, not done, or lacks pages that are read."""
    answer_bytes: int = 0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def form(name: str, content: bytes) -> bytes:
    """The body of an upload, to be sent with `FORM_TYPE`."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    kind = "Content-Type: application/octet-stream\r\n\r\n"
    return b"".join((head.encode(), kind.encode(), content, f"\r\n--{_BOUNDARY}--\r\n".encode()))


def another(content: bytes, mark: object) -> bytes:
    """The same PDF with other bytes: the same bytes twice may be answered from the first job."""
    return content + f"\n%% {mark}\n".encode()


def in_own_process(work: Callable[..., _Result], *arguments: object) -> tuple[_Result, float]:
    """What `work(*arguments)` returns in a new process, and its CPU seconds."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_with_cpu, work, arguments).result()


def _with_cpu(work: Callable[..., _Result], arguments: Sequence[object]) -> tuple[_Result, float]:
    before = _cpu_seconds()
    return work(*arguments), _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def send_all(url: str, paths: Sequence[Path], mark: str, connections: int) -> Answers:
    """Upload each document once over `connections` connections that are never idle; the answers are checked."""
    documents = [form(path.name, another(path.read_bytes(), f"{mark}/{i}")) for i, path in enumerate(paths)]
    return asyncio.run(_send_all(url, documents, connections))


async def _send_all(url: str, documents: Sequence[bytes], connections: int) -> Answers:
    answers, bodies = Answers(), list[bytes]()
    waiting = iter(documents)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def one_after_another() -> None:
            for document in waiting:
                began = time.perf_counter()
                status, body = await _patiently(session, url, document, answers)
                answers.latencies.append(time.perf_counter() - began)
                answers.statuses[status] += 1
                bodies.append(body)

        started = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(connections)))
        answers.seconds = time.perf_counter() - started
    for body in bodies:
        _check(body, answers)
    return answers


async def _patiently(session: aiohttp.ClientSession, url: str, document: bytes, answers: Answers) -> tuple[int, bytes]:
    while True:
        sent = session.post(f"{url}/v1/documents?wait={_WAIT_SECONDS}", data=document, headers=FORM_TYPE)
        async with sent as answer:
            body = await answer.read()
            if answer.status != 503:
                return answer.status, body
            answers.statuses[503] += 1
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))


def _check(body: bytes, answers: Answers) -> None:
    answers.answer_bytes += len(body)
    job = json.loads(body)
    pages = job.get("pages") or []
    answers.pages += len(pages)
    is_right = job.get("state") == "done" and len(pages) == job["num_pages"] == job["num_rows"]
    answers.wrong += not (is_right and all(page["status"] in ("ok", "blank") for page in pages))
