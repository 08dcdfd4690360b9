"""A process that keeps jobs until it is killed, and says on its output what was promised to be durable.

`python -m tests.online.job_writer FOLDER create` makes jobs; `... claim` takes over what there is and prints it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.online.job_store_kit import created, opened, row


def say(*words: object) -> None:
    """One line, whole."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def create_for_ever(folder: Path) -> None:
    """Make jobs in five tasks, each with durable and with other rows."""
    async with opened(folder, segment_bytes=20_000) as store:

        async def one_after_the_other(number: int) -> None:
            while True:
                job = await created(store, b"%d" % number)
                say("job", job.id, 0, "queued")
                job = job.with_(state="running")
                await store.update(job, [row(0, "x" * 200)])
                await store.update(job, [row(1), row(2)], durable=True)
                say("job", job.id, 3, "running")
                await store.update(job.with_(state="done"), [row(3)])
                say("job", job.id, 4, "done")

        await asyncio.gather(*map(one_after_the_other, range(5)))


async def claim_all(folder: Path) -> None:
    """Take over what others left, when the starter says so."""
    async with opened(folder) as store:
        say("ready")
        sys.stdin.readline()
        for job in store.take_over():
            say("claimed", job.id)
        say("end")
        sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run({"create": create_for_ever, "claim": claim_all}[sys.argv[2]](Path(sys.argv[1])))
