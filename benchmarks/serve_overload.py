"""Twice as many documents as can be read, for minutes: python -m benchmarks.serve_overload --seconds 300

Documents arrive at the moments of a Poisson process, whether or not earlier ones are answered. The rate is `--times`
the capacity, which is measured first with connections that are never idle. Counted: accepted jobs that were not
finished with all pages, answers 5xx other than 503 with Retry-After, broken connections, and the time from the
(planned) arrival to the finished job. Memory is the sum over all processes of the server, a sample a second; its slope
is that of the second half.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks import record
from benchmarks.clients import FORM_TYPE, another, form, in_own_process, send_all
from benchmarks.generator import generate
from benchmarks.served import Served, add_server_options, served
from benchmarks.watch import MIB

_CONNECTIONS = 8
_SETTLE_SECONDS = 300.0
_CHECKS_AT_ONCE = 8
_PROCESSES_SHOWN = 8


@dataclass(slots=True)
class Storm:
    """What arrivals came to. Latencies are in seconds, of accepted jobs that were finished."""

    offered: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    refused_without_retry_after: int = 0
    accepted: dict[str, float] = field(default_factory=dict)
    """The planned arrival of each job, in seconds of the client's clock."""
    latencies: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    not_finished: int = 0
    rows_short: int = 0
    latest_start: float = 0.0
    """How far the load generator itself fell behind at most, in seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--times", type=float, default=2.0, help="the load, as a multiple of the capacity")
    parser.add_argument("--pages", type=int, default=10, help="pages of each document")
    parser.add_argument("--seed", type=int, default=1)
    add_server_options(parser, pipeline="text_layer")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch,
        served(Path(scratch) / "server", args, args.pipeline) as server,
    ):
        document = generate(Path(scratch) / "in", args.pages, pages_per_document=args.pages, seed=args.seed)[0]
        capacity = _capacity(server, document)
        rate = capacity * args.times
        with _Memory(server) as memory:
            storm, cpu = in_own_process(_storm, server.url, document, args.pages, rate, args.seconds, args.seed)
        figures: dict[str, object] = {
            "runner": args.runner,
            "seconds": args.seconds,
            "pages_per_document": args.pages,
            "capacity_documents_per_second": round(capacity, 1),
            "offered_per_second": round(rate, 1),
            "load_generator_cpu_share_of_one_core": round(cpu / args.seconds, 3),
            **_counts(storm),
            "memory": memory.to_plain(),
        }
        alive = server.said() if not server.processes() else ""
    for name, value in figures.items():
        print(f"{name:<40} {value}")
    record.save("serve_overload", figures)
    if alive:
        raise SystemExit(f"the server ended:\n{alive}")
    bad = ("accepted_not_finished", "accepted_rows_short", "server_errors", "refused_without_retry_after")
    if any(figures[name] for name in bad):
        raise SystemExit(1)


def _capacity(server: Served, document: Path) -> float:
    """Documents per second with connections that are never idle, over about ten seconds."""
    rate = 0.0
    for number in (3 * _CONNECTIONS, 6 * _CONNECTIONS, 0):
        paths = [document] * (number or max(_CONNECTIONS, int(10 * rate)))
        answers, _ = in_own_process(send_all, server.url, paths, f"capacity {number}", _CONNECTIONS)
        rate = len(paths) / answers.seconds
    return rate


def _counts(storm: Storm) -> dict[str, object]:
    latencies, refusals = storm.latencies or [0.0], storm.refusals or [0.0]
    errors = sum(count for status, count in storm.statuses.items() if status.startswith("5") and status != "503")
    return {
        "offered": storm.offered,
        "accepted": len(storm.accepted),
        "answers": dict(storm.statuses),
        "server_errors": errors,
        "refused_without_retry_after": storm.refused_without_retry_after,
        "accepted_not_finished": storm.not_finished,
        "accepted_rows_short": storm.rows_short,
        "accepted_seconds": {f"p{n}": round(record.percentile(latencies, n / 100), 3) for n in (50, 95, 99, 100)},
        "refused_seconds": {f"p{n}": round(record.percentile(refusals, n / 100), 3) for n in (50, 99)},
        "load_generator_late_seconds": round(storm.latest_start, 3),
    }


def _storm(url: str, document: Path, pages: int, rate: float, seconds: float, seed: int) -> Storm:
    return asyncio.run(_Arrivals(url, document, pages).run(rate, seconds, random.Random(seed)))


class _Arrivals:
    def __init__(self, url: str, document: Path, pages: int) -> None:
        self._url = url
        self._content = document.read_bytes()
        self._pages = pages
        self._storm = Storm()

    async def run(self, rate: float, seconds: float, chance: random.Random) -> Storm:
        timeout = aiohttp.ClientTimeout(total=_SETTLE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            began = planned = time.monotonic()
            sending: set[asyncio.Task[None]] = set()
            while planned < began + seconds:
                await asyncio.sleep(max(0.0, planned - time.monotonic()))
                self._storm.latest_start = max(self._storm.latest_start, time.monotonic() - planned)
                task = asyncio.create_task(self._send(session, planned))
                sending.add(task)
                task.add_done_callback(sending.discard)
                planned += chance.expovariate(rate)
            await asyncio.gather(*sending)
            limit = asyncio.Semaphore(_CHECKS_AT_ONCE)
            await asyncio.gather(*(self._check(session, limit, job_id) for job_id in self._storm.accepted))
        return self._storm

    async def _send(self, session: aiohttp.ClientSession, planned: float) -> None:
        storm = self._storm
        storm.offered += 1
        body = form("one.pdf", another(self._content, f"storm {storm.offered}"))
        try:
            async with session.post(f"{self._url}/v1/documents?wait=60", data=body, headers=FORM_TYPE) as answer:
                said = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            storm.statuses[type(error).__name__] += 1
            return
        storm.statuses[str(answer.status)] += 1
        if answer.status in (200, 202):
            job = json.loads(said)
            storm.accepted[job["id"]] = planned
            if answer.status == 200:
                storm.latencies.append(time.monotonic() - planned)
        elif answer.status == 503:
            storm.refusals.append(time.monotonic() - planned)
            storm.refused_without_retry_after += not answer.headers.get("Retry-After", "").isdigit()

    async def _check(self, session: aiohttp.ClientSession, limit: asyncio.Semaphore, job_id: str) -> None:
        """Whether an accepted job is finished, with a row for each page, also where its client heard nothing more."""
        ends = time.monotonic() + _SETTLE_SECONDS
        state, rows = "unknown", 0
        async with limit:
            while state != "done" and time.monotonic() < ends:
                async with session.get(f"{self._url}/v1/jobs/{job_id}") as answer:
                    if answer.status == 200:
                        job = await answer.json()
                        state, rows = job["state"], job["num_rows"]
                    if answer.status == 404 or state == "cancelled":
                        break
                if state != "done":
                    await asyncio.sleep(0.5)
        self._storm.not_finished += state != "done"
        self._storm.rows_short += state == "done" and rows != self._pages


class _Memory:
    """Samples a server's memory until the block ends."""

    def __init__(self, server: Served, interval: float = 1.0) -> None:
        self._server = server
        self._interval = interval
        self._samples: list[tuple[float, dict[str, int]]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def to_plain(self) -> dict[str, object]:
        """MiB at the start, in the middle, at the end and at most, and MiB a minute in the second half: of all, and of
        the processes that grew most."""
        names = {name for _, sizes in self._samples for name in sizes}
        each = {name: [(at, sizes[name]) for at, sizes in self._samples if name in sizes] for name in names}
        growth = {name: points[-1][1] - points[0][1] for name, points in each.items()}
        most = sorted(growth, key=lambda name: -growth[name])[:_PROCESSES_SHOWN]
        total = [(at, sum(sizes.values())) for at, sizes in self._samples]
        return _course(total) | {"by_process": {name: _course(each[name]) for name in most}}

    def _watch(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(self._interval):
            self._samples.append((time.monotonic() - began, self._server.memory_by_process()))


def _course(points: list[tuple[float, int]]) -> dict[str, float]:
    sizes = [size / MIB for _, size in points] or [0.0]
    return {
        "start_mib": round(sizes[0], 1),
        "middle_mib": round(sizes[len(sizes) // 2], 1),
        "end_mib": round(sizes[-1], 1),
        "peak_mib": round(max(sizes), 1),
        "slope_mib_per_minute": round(_slope(points[len(points) // 2 :]) * 60 / MIB, 2),
    }


def _slope(points: list[tuple[float, int]]) -> float:
    """Least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    at = sum(x for x, _ in points) / len(points)
    mean = sum(y for _, y in points) / len(points)
    spread = sum((x - at) ** 2 for x, _ in points)
    return sum((x - at) * (y - mean) for x, y in points) / spread if spread else 0.0


if __name__ == "__main__":
    main()
