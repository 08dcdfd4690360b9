"""Real processes, killed at random: what was promised is there."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

from omnipipe.online.job import FINAL_STATES
from tests.online.job_store_kit import in_loop, opened, row

ROOT = Path(__file__).resolve().parents[2]
ROWS = [row(0, "x" * 200), row(1), row(2), row(3)]


def start(folder: Path, what: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.online.job_writer", str(folder), what]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def killed_writer(folder: Path, seconds: float) -> dict[str, tuple[int, str]]:
    """The rows and the state of each job that a writer promised in `seconds` from its first job to its kill."""
    process = start(folder, "create")
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    time.sleep(seconds)
    process.kill()
    lines += process.stdout.read().splitlines()
    process.communicate()
    promised = [line.split() for line in lines if len(line.split()) == 4]
    return {job_id: (int(num_rows), state) for _, job_id, num_rows, state in promised}


def unfinished_jobs(folder: Path) -> list[str]:
    """The jobs of dead processes that are not final."""

    async def take_over() -> list[str]:
        async with opened(folder) as store:
            return [job.id for job in store.take_over()]

    return asyncio.run(take_over())


@in_loop
async def test_a_killed_writer_leaves_all_that_it_promised(tmp_path: Path) -> None:
    promised: dict[str, tuple[int, str]] = {}
    chance = random.Random(5)
    for _ in range(4):
        promised |= killed_writer(tmp_path, chance.uniform(0.0, 0.4))

    async with opened(tmp_path) as store:
        taken = {job.id for job in store.take_over()}
        for job_id, (num_rows, state) in promised.items():
            job = store.find(job_id)
            rows = await store.rows(job_id)
            assert job is not None
            assert job.state in FINAL_STATES or job_id in taken
            assert state != "done" or job.state == "done"
            assert len(rows) >= num_rows
            assert rows == ROWS[: len(rows)]
        for job_id in taken:
            job = store.find(job_id)
            assert job is not None
            rows = await store.rows(job_id)
            await store.update(job.with_(state="done"), ROWS[len(rows) :])
        await store.sweep()
        assert len(promised) >= 4
        assert all([await store.rows(job_id) == ROWS for job_id in promised])


def test_two_processes_share_the_orphans_of_a_third(tmp_path: Path) -> None:
    promised: dict[str, tuple[int, str]] = {}
    for _ in range(3):
        promised |= killed_writer(tmp_path, 0.1)
    claimants = [start(tmp_path, "claim") for _ in range(2)]
    for claimant in claimants:
        assert claimant.stdout is not None
        assert claimant.stdout.readline() == "ready\n"

    for claimant in claimants:
        assert claimant.stdin is not None
        claimant.stdin.write("go\n")
        claimant.stdin.flush()
    claimed: list[str] = []
    for claimant in claimants:
        assert claimant.stdout is not None
        claimed += [line.split()[1] for line in iter(claimant.stdout.readline, "end\n")]
    for claimant in claimants:
        claimant.communicate("\n")

    # Jobs may be further than their writer came to say. Now that the claimants are gone, others may take them over.
    unfinished = unfinished_jobs(tmp_path)
    assert claimed
    assert sorted(claimed) == sorted(unfinished)
    assert {job_id for job_id, (_, state) in promised.items() if state == "done"}.isdisjoint(claimed)
