"""kill -9 under load, then every accepted job's rows: python -m benchmarks.serve_kill --kills 20

Text documents and scans are uploaded over a few connections, each with an idempotency key, by clients that ask again
when an answer is lost. After a random number of further finished jobs something is killed: a replica that reads pages,
one that answers HTTP, or the whole server, which is then started again with the same data directory (without Ray: the
child processes that read documents, or the whole server). At the end the result columns of every accepted job are
compared with those of `omnipipe run --runner local` on the same files.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import record
from benchmarks.clients import FORM_TYPE, form
from benchmarks.generator import generate
from benchmarks.runs import run_command, unit_files
from benchmarks.served import Served, add_server_options, served
from omnipipe.schema import PAGES, RESULT_COLUMNS

_COMPARED = tuple(name for name in RESULT_COLUMNS if name != "source_uri")
_PATIENCE_SECONDS = 60.0
_JOB_SECONDS = 900.0
_VICTIMS = {"local": ("reader", "server"), "ray": ("replica", "ingress", "server")}
_READER = re.compile(r"omnipipe\.reading\.child")
_REPLICA = re.compile(r"^ray::ServeReplica:[^:]*:(\w+)")
_INGRESS = re.compile(r"ingress|web|http|front|api", re.IGNORECASE)

Rows = dict[str, dict[str, object]]


@dataclass(slots=True)
class Tally:
    """What the clients saw."""

    accepted: dict[str, str] = field(default_factory=dict)
    """The file of each accepted job."""
    rows: dict[str, Rows] = field(default_factory=dict)
    """The rows of each finished job by page id."""
    posted_again: int = 0
    polls_again: int = 0
    several_jobs_for_one_key: int = 0
    unexpected: Counter[str] = field(default_factory=Counter)
    """Answers other than 200, 202, 429 and 503, by status and beginning."""
    given_up: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--texts", type=int, default=60, help="text documents of 10 pages")
    parser.add_argument("--scans", type=int, default=16, help="one-page scans")
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    add_server_options(parser, pipeline="default")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    tally, kills, starts = Tally(), Counter[str](), list[float]()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        inputs = Path(scratch) / "in"
        paths = generate(inputs / "texts", 10 * args.texts, seed=args.seed)
        paths += generate(inputs / "scans", args.scans, pages_per_document=1, seed=args.seed + 1, scans=True)
        chance.shuffle(paths)
        undisturbed = _undisturbed(inputs, Path(scratch) / "out", args.pipeline)
        with served(Path(scratch) / "server", args, args.pipeline) as server:
            clients = threading.Thread(
                target=lambda: asyncio.run(_Clients(server.url, tally).run(paths, args.connections))
            )
            clients.start()
            _kill_all(server, args, chance, len(paths), tally, kills, starts, clients)
            clients.join()
            said = server.said()
        figures: dict[str, object] = {
            "runner": args.runner,
            "documents": len(paths),
            "kills": dict(kills),
            "seconds_to_start_again": record.spread(starts) if starts else {},
            **_compare(tally, undisturbed),
            "posted_again": tally.posted_again,
            "polls_again": tally.polls_again,
            "unexpected_answers": dict(tally.unexpected),
            "processes_left_over": server.left_over,
        }
    for name, value in figures.items():
        print(f"{name:<28} {value}")
    record.save("serve_kill", figures)
    if any(figures[name] for name in ("lost", "different", "failed_in_one_only", "never_accepted")):
        print(said)
        raise SystemExit(1)


def _undisturbed(inputs: Path, output: Path, pipeline: str) -> Rows:
    run_command(inputs, output, "-p", pipeline, "--runner", "local")
    tables = (pq.read_table(path, columns=list(RESULT_COLUMNS)) for path in unit_files(output))
    return {str(row["page_id"]): row for table in tables for row in table.to_pylist()}


def _as_written(pages: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Rows of JSON with numbers as Parquet keeps them: 32 bits where the column has no more."""
    schema = pa.schema([PAGES.field(name) for name in RESULT_COLUMNS])
    return list(pa.Table.from_pylist(pages, schema).to_pylist())


def _kill_all(
    server: Served,
    args: argparse.Namespace,
    chance: random.Random,
    documents: int,
    tally: Tally,
    kills: Counter[str],
    starts: list[float],
    clients: threading.Thread,
) -> None:
    """Kill `--kills` times, spread over the documents."""
    victims = [_VICTIMS[args.runner][i % len(_VICTIMS[args.runner])] for i in range(args.kills)]
    chance.shuffle(victims)
    for number, victim in enumerate(victims):
        more = chance.uniform(0.2, 1.6) * (documents - len(tally.rows)) / (len(victims) - number + 1)
        wanted, ends = len(tally.rows) + more, time.monotonic() + _PATIENCE_SECONDS
        while len(tally.rows) < wanted and time.monotonic() < ends and clients.is_alive():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        if not clients.is_alive():
            return
        if victim == "server":
            server.kill()
            kills[victim] += 1
            starts.append(server.start())
        else:
            kills[victim] += _kill_one(server, victim, chance, clients)
        if not server.processes():
            raise SystemExit(f"the server ended after the kill of a {victim}:\n{server.said()}")


def _kill_one(server: Served, victim: str, chance: random.Random, clients: threading.Thread) -> int:
    ends = time.monotonic() + _PATIENCE_SECONDS
    # One that was killed is away for seconds.
    while not (found := [process for process in server.processes() if _role(process) == victim]):
        if time.monotonic() > ends or not clients.is_alive():
            return 0
        time.sleep(0.1)
    with contextlib.suppress(psutil.NoSuchProcess):
        chance.choice(found).kill()
    return 1


def _role(process: psutil.Process) -> str | None:
    try:
        title = " ".join(process.cmdline())
    except psutil.Error:
        return None
    replica = _REPLICA.search(title)
    if replica is not None:
        return "ingress" if _INGRESS.search(replica[1]) else "replica"
    return "reader" if _READER.search(title) else None


class _Clients:
    def __init__(self, url: str, tally: Tally) -> None:
        self._url = url
        self._tally = tally

    async def run(self, paths: Sequence[Path], connections: int) -> None:
        waiting = iter(enumerate(paths))
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._one_after_another(session, waiting) for _ in range(connections)))

    async def _one_after_another(self, session: aiohttp.ClientSession, waiting: Iterator[tuple[int, Path]]) -> None:
        for number, path in waiting:
            ends = time.monotonic() + _JOB_SECONDS
            job_id = await self._accepted(session, path, f"document-{number}", ends)
            if job_id is None or not await self._finished(session, job_id, ends):
                self._tally.given_up += 1

    async def _accepted(self, session: aiohttp.ClientSession, path: Path, key: str, ends: float) -> str | None:
        body, again, known = form(path.name, path.read_bytes()), 0, set[str]()
        while time.monotonic() < ends:
            headers = {**FORM_TYPE, "Idempotency-Key": key}
            status, said = await self._ask(session, "POST", "/v1/documents", body, headers)
            if status in (200, 202):
                self._tally.posted_again += again
                job_id = str(said["id"])
                known.add(job_id)
                self._tally.several_jobs_for_one_key += len(known) > 1
                self._tally.accepted[job_id] = path.name
                return job_id
            again += status != 503
            await asyncio.sleep(0.2)
        return None

    async def _finished(self, session: aiohttp.ClientSession, job_id: str, ends: float) -> bool:
        while time.monotonic() < ends:
            status, job = await self._ask(session, "GET", f"/v1/jobs/{job_id}?wait=20")
            if status == 200 and job["state"] in ("done", "cancelled"):
                pages = job.get("pages")
                if isinstance(pages, list):
                    self._tally.rows[job_id] = {str(page["page_id"]): page for page in _as_written(pages)}
                    return True
            if status == 404:
                return False
            self._tally.polls_again += status != 200
            await asyncio.sleep(0.2 if status != 200 else 0)
        return False

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, object]]:
        """Status and body; status 0 where there was no whole answer."""
        try:
            async with session.request(method, self._url + path, data=body, headers=headers) as answer:
                status, said = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, {}
        if status not in (200, 202, 429, 503):
            beginning = re.sub(r"[0-9a-f]{16,}", "ID", said[:80].decode(errors="replace"))
            self._tally.unexpected[f"{status} {beginning}"] += 1
        with contextlib.suppress(ValueError):
            return status, json.loads(said)
        # Not the app's words: a proxy that does not know the app yet says 404 as well.
        return 0, {}


def _compare(tally: Tally, undisturbed: Rows) -> dict[str, object]:
    """Counts over accepted jobs; a job is `different` where a result column of a page is, or pages are others."""
    by_document: dict[str, Rows] = {}
    for page_id, row in undisturbed.items():
        by_document.setdefault(page_id.split("#")[0], {})[page_id] = row
    seen, different, failed, columns = set[str](), 0, 0, Counter[str]()
    for rows in tally.rows.values():
        document = next(iter(rows), "").split("#")[0]
        seen.add(document)
        wanted = by_document.get(document, {})
        wrong = [name for page_id in wanted for name in _wrong_columns(wanted[page_id], rows.get(page_id, {}))]
        columns.update(wrong)
        different += bool(wrong) or rows.keys() != wanted.keys()
        failed += sum(
            row["status"] == "failed" and wanted.get(key, {}).get("status") != "failed" for key, row in rows.items()
        )
    return {
        "accepted": len(tally.accepted),
        "finished": len(tally.rows),
        "lost": len(tally.accepted) - len(tally.rows),
        "never_accepted": len(by_document) - len(seen) - (len(tally.accepted) - len(tally.rows)),
        "different": different,
        "different_columns": dict(columns),
        "failed_in_one_only": failed,
        "several_jobs_for_one_key": tally.several_jobs_for_one_key,
    }


def _wrong_columns(wanted: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    return [name for name in _COMPARED if json.dumps(wanted[name]) != json.dumps(found.get(name))]


if __name__ == "__main__":
    main()
