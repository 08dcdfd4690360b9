"""The client for programs that are asynchronous already; `omnipipe.client.client` has the words on each method."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Self, Unpack

import httpx

from omnipipe.client.asking import (
    Settings,
    Wishes,
    find_jobs,
    find_result,
    jobs_call,
    remove_call,
    rows_call,
    settings_of,
    state_call,
    upload_call,
)
from omnipipe.client.call import Call, Patience, answer_json
from omnipipe.client.error import ServerError, UnfinishedError
from omnipipe.client.result import JobState, Result, Row, page_of
from omnipipe.client.stream import SHORTEST_WAIT, RowLines
from omnipipe.client.upload import Document, open_upload
from omnipipe.errors import OmnipipeError
from omnipipe.page import Page


class AsyncClient:
    """As `Client`, with `async with`, `await` and `async for`.

    Files are read by blocks in the event loop's thread. A call that is cancelled gives its job up.
    """

    def __init__(
        self,
        url: str = "http://localhost:8000",
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        retry_seconds: float = 120.0,
    ) -> None:
        self._settings = settings_of(url, api_key, timeout, retry_seconds)
        self._http = httpx.AsyncClient(
            base_url=self._settings.url, headers=dict(self._settings.headers), timeout=self._settings.timeout
        )

    async def extract(self, document: Document, *, wait: float | None = None, **wishes: Unpack[Wishes]) -> Result:
        """See `Client.extract`."""
        until = None if wait is None else time.monotonic() + wait
        with open_upload(document, wishes.get("file_name")) as upload:
            plain = answer_json(await self._send(upload_call(upload, wishes, self._settings, wait)))
        result = find_result(plain)
        if result is not None:
            return result
        handle = AsyncJobHandle(self, JobState.from_plain(plain))
        async with handle._given_up_on(asyncio.CancelledError):
            return await handle.result(None if until is None else max(0.0, until - time.monotonic()))

    async def submit(self, document: Document, **wishes: Unpack[Wishes]) -> AsyncJobHandle:
        """See `Client.submit`."""
        with open_upload(document, wishes.get("file_name")) as upload:
            plain = answer_json(await self._send(upload_call(upload, wishes, self._settings)))
        return AsyncJobHandle(self, JobState.from_plain(plain))

    async def stream(self, document: Document, **wishes: Unpack[Wishes]) -> AsyncGenerator[Page, None]:
        """See `Client.stream`. Leaving the loop early gives the rest up once the generator is closed (`aclosing`)."""
        handle = await self.submit(document, **wishes)
        async with handle._given_up_on(asyncio.CancelledError, GeneratorExit), aclosing(handle.stream()) as pages:
            async for page in pages:
                yield page

    async def job(self, job_id: str) -> AsyncJobHandle:
        """See `Client.job`."""
        handle = AsyncJobHandle(self, JobState(id=job_id, state="queued"))
        await handle.refresh()
        return handle

    async def jobs(self, limit: int = 100) -> list[AsyncJobHandle]:
        """See `Client.jobs`."""
        return [AsyncJobHandle(self, state) for state in find_jobs(answer_json(await self._send(jobs_call(limit))))]

    async def close(self) -> None:
        """Close the connections. Jobs go on."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.place!r})"

    @property
    def settings(self) -> Settings:
        """How it talks. Holds the key; not for logs."""
        return self._settings

    async def _send(self, call: Call, *, stream: bool = False, retry_seconds: float | None = None) -> httpx.Response:
        patience = Patience(self._settings.retry_seconds if retry_seconds is None else retry_seconds)
        while True:
            request = call.build(self._http)
            try:
                response = await self._http.send(request, stream=stream)
                if response.is_success:
                    return response
                async with aclosing(response):
                    await response.aread()
            except httpx.RequestError as error:
                delay = patience.after_failure(error, request.url)
            else:
                delay = patience.after_answer(response)
            await asyncio.sleep(delay)


class AsyncJobHandle:
    """As `JobHandle`, to be awaited."""

    def __init__(self, client: AsyncClient, state: JobState) -> None:
        self._client = client
        self.state = state

    @property
    def id(self) -> str:
        """See `JobHandle.id`."""
        return self.state.id

    async def refresh(self) -> JobState:
        """See `JobHandle.refresh`."""
        return await self._ask(None)

    async def wait(self, seconds: float | None = None) -> JobState:
        """See `JobHandle.wait`."""
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while not self.state.is_final:
            asked = time.monotonic()
            await self._ask(until - asked)
            if self.state.is_final:
                break
            if time.monotonic() >= until:
                raise UnfinishedError(self.id, seconds or 0.0)
            if time.monotonic() - asked < SHORTEST_WAIT:
                await asyncio.sleep(SHORTEST_WAIT)
        return self.state

    async def stream(self, start: int = 0) -> AsyncGenerator[Page, None]:
        """See `JobHandle.stream`."""
        async with aclosing(self._rows(start)) as rows:
            async for row in rows:
                yield page_of(row)

    async def result(self, seconds: float | None = None) -> Result:
        """See `JobHandle.result`."""
        if seconds is not None:
            await self.wait(seconds)
        rows = [row async for row in self._rows(0)]
        return Result.of(self.state, rows)

    async def cancel(self) -> None:
        """See `JobHandle.cancel`."""
        await self._remove(None)

    def __repr__(self) -> str:
        return f"AsyncJobHandle({self.id!r}, {self.state.state}, {self.state.num_rows} of {self.state.num_pages} rows)"

    async def _ask(self, wait: float | None) -> JobState:
        plain = answer_json(await self._client._send(state_call(self.id, self._client.settings, wait)))
        self.state = JobState.from_plain(plain)
        return self.state

    async def _remove(self, retry_seconds: float | None) -> None:
        try:
            await self._client._send(remove_call(self.id), retry_seconds=retry_seconds)
        except ServerError as error:
            if error.status != 404:
                raise

    @asynccontextmanager
    async def _given_up_on(self, *kinds: type[BaseException]) -> AsyncIterator[None]:
        try:
            yield
        except kinds:
            with contextlib.suppress(OmnipipeError):
                await self._remove(0.0)
            raise

    async def _rows(self, start: int) -> AsyncGenerator[Row, None]:
        lines = RowLines(start)
        settings = self._client.settings
        patience = Patience(settings.retry_seconds)
        while not lines.is_complete:
            lines.begin()
            call = rows_call(self.id, lines.num_rows, settings)
            try:
                async with aclosing(await self._client._send(call, stream=True)) as response:
                    async for chunk in response.aiter_bytes():
                        for row in lines.feed(chunk):
                            yield row
                delay = lines.check_end()
                patience = Patience(settings.retry_seconds)
            except httpx.RequestError as error:
                if lines.has_news:
                    patience = Patience(settings.retry_seconds)
                delay = patience.after_failure(error, settings.url)
            await asyncio.sleep(delay)
        self.state = lines.check_complete()
