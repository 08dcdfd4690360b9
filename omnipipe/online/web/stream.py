"""Rows of a job as they come, as NDJSON or as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omnipipe.online.job import Job
from omnipipe.online.web.client_gone import CLIENT_WENT, ClientGoneError, in_background, while_connected
from omnipipe.online.web.errors import problem_of
from omnipipe.online.web.render import MEDIA_TYPES, Form, job_json, last_line, line_of

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

_QUIET_SECONDS = 15.0
_MAX_READY_BYTES = 1 << 20


class RowStream(Response):
    """An answer that begins at once and has each row when it is there.

    It ends when the job is final, or after `seconds`. The last line says whether the job was, so that a stream that
    was cut can be told. With `cancels` the job is cancelled when the client goes.
    """

    def __init__(
        self, online: Online, job: Job, form: Form, *, start: int, seconds: float | None, cancels: bool
    ) -> None:
        headers = {"location": f"/v1/jobs/{job.id}", "x-job-id": job.id, "x-accel-buffering": "no"}
        super().__init__(None, 200, headers, media_type=MEDIA_TYPES[form])
        # Its length is not known before its end.
        del self.headers["content-length"]
        self._online = online
        self._job = job
        self._form = form
        self._count = start
        self._until = None if seconds is None else time.monotonic() + seconds
        self._cancels = cancels
        self._ready: list[bytes] = []
        self._num_ready_bytes = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._send_all(send))
        except ClientGoneError:
            self._client_left()
        except asyncio.CancelledError:
            self._client_left()
            raise

    def _client_left(self) -> None:
        if self._cancels:
            in_background(self._online.documents.cancel(self._job.id, CLIENT_WENT))

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._form == "sse":
            await _send_part(send, b"event: job\ndata: %s\n\n" % job_json(self._job))
        pump = asyncio.ensure_future(self._pump())
        try:
            while self._ready or not pump.done():
                chunk = await self._next_chunk()
                if chunk is None:
                    break
                await _send_part(send, chunk)
            failure = pump.exception() if pump.done() and not pump.cancelled() else None
        finally:
            pump.cancel()
            await asyncio.wait({pump})
        await send({"type": "http.response.body", "body": self._end(failure), "more_body": False})

    async def _next_chunk(self) -> bytes | None:
        """What is ready, a sign of life after a while without; None when the time is up."""
        left = _QUIET_SECONDS if self._until is None else self._until - time.monotonic()
        try:
            async with asyncio.timeout(min(_QUIET_SECONDS, max(0.0, left))):
                await self._news.wait()
        except TimeoutError:
            if left <= _QUIET_SECONDS and self._until is not None:
                return None
            return b": still at it\n\n" if self._form == "sse" else b""
        self._news.clear()
        chunk = b"".join(self._ready)
        self._ready.clear()
        self._num_ready_bytes = 0
        self._room.set()
        return chunk

    async def _pump(self) -> None:
        try:
            async for row in self._online.documents.stream(self._job.id, self._count):
                self._count += 1
                line = line_of(row, self._form, self._count)
                self._ready.append(line)
                self._num_ready_bytes += len(line)
                self._news.set()
                if self._num_ready_bytes > _MAX_READY_BYTES:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._news.set()

    def _end(self, failure: BaseException | None) -> bytes:
        job = self._online.store.find(self._job.id)
        if isinstance(failure, Exception):
            problem = problem_of(failure)
            code = problem.code if problem is not None else "internal"
            body = json.dumps({"done": False, "error": {"code": code, "message": "The stream cannot go on."}}).encode()
        elif job is None:
            body = b'{"done": false, "error": {"code": "not_found", "message": "The job was removed."}}'
        else:
            body = b'{"done": %s, "job": %s}' % (b"true" if job.is_final else b"false", job_json(job))
        return last_line(body, self._form)


async def _send_part(send: Send, chunk: bytes) -> None:
    if chunk:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
