"""Jobs, uploads and rows for the tests of the job store."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import ParamSpec

from omnipipe.online.job import Asked, Job, Row, new_job_id
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.jobs.uploads import Upload
from omnipipe.online.settings import ServeSettings

P = ParamSpec("P")
ASKED = Asked(pipeline="text", config_hash="c0ffee")


def settings_of(folder: Path, **changes: object) -> ServeSettings:
    return ServeSettings.model_validate({"data_dir": folder, **changes})


def upload_of(store: JobStore, data: bytes = b"%PDF-1.7 small") -> Upload:
    writer = store.uploads.writer()
    writer.write(data)
    return writer.finish()


def job_of(upload: Upload, *, owner: str = "me", asked: Asked = ASKED, key: str | None = None) -> Job:
    return Job(
        id=new_job_id(),
        owner=owner,
        file_name="a.pdf",
        size=upload.size,
        doc_id=upload.doc_id,
        asked=asked,
        created_at=time.time(),
        idempotency_key=key,
    )


def row(index: int, text: str = "words") -> Row:
    return Row(index, "ok", f'{{"page_index":{index},"text":"{text}"}}'.encode())


def in_loop(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """An asynchronous test, run in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@contextlib.asynccontextmanager
async def opened(folder: Path, *, segment_bytes: int = 64 << 20, **changes: object) -> AsyncIterator[JobStore]:
    """An open store on `folder`, closed at the end."""
    store = JobStore(settings_of(folder, **changes), segment_bytes=segment_bytes)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def created(store: JobStore, data: bytes = b"%PDF-1.7 small", *, owner: str = "me") -> Job:
    """A new job."""
    upload = upload_of(store, data)
    job = job_of(upload, owner=owner)
    await store.create(job, upload)
    return job


async def finished(
    store: JobStore, *rows: Row, data: bytes = b"%PDF-1.7 small", finished_at: float | None = None
) -> Job:
    """A job that is done, with `rows`."""
    job = await created(store, data)
    end = time.time() if finished_at is None else finished_at
    done = job.with_(state="done", num_rows=len(rows), num_pages=len(rows), finished_at=end)
    await store.update(done, rows)
    return done
