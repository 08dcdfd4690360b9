"""A server's documents from Python: upload, wait, stream, give up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
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


class Client:
    """Talks to `omnipipe serve`. Use it as a context manager, or call `close`; threads may share one.

    Calls that the server has no room for (429, 503) and calls whose connection fails are made again for up to
    `retry_seconds`, after as long as the server asks for: nothing is read twice, since every upload carries a key that
    makes it one job. `timeout` is how long an answer may keep silent beyond what it was told to wait. The key is
    `api_key`, else the environment's OMNIPIPE_API_KEY.

    Raises:
        ConfigError: The address or the key cannot be one.
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
        self._http = httpx.Client(
            base_url=self._settings.url, headers=dict(self._settings.headers), timeout=self._settings.timeout
        )

    def extract(self, document: Document, *, wait: float | None = None, **wishes: Unpack[Wishes]) -> Result:
        """The rows of `document` (a path, bytes or a binary file), when all of them are there.

        A page that cannot be read is a row with an error, and so is each page of a document that cannot be opened.
        With `wait` no longer than so many seconds.

        Raises:
            InputError: The file cannot be read.
            ServerError: The server refused; `code` says why.
            NotReachedError: It could not be reached.
            UnfinishedError: It takes longer than `wait`; the job goes on.
        """
        until = None if wait is None else time.monotonic() + wait
        with open_upload(document, wishes.get("file_name")) as upload:
            call = upload_call(upload, wishes, self._settings, wait)
            plain = answer_json(self._send(call))
        result = find_result(plain)
        if result is not None:
            return result
        handle = JobHandle(self, JobState.from_plain(plain))
        with handle._given_up_on(KeyboardInterrupt):
            return handle.result(None if until is None else max(0.0, until - time.monotonic()))

    def submit(self, document: Document, **wishes: Unpack[Wishes]) -> JobHandle:
        """Upload `document` and come back: the job goes on at the server. Raises what `extract` raises."""
        with open_upload(document, wishes.get("file_name")) as upload:
            plain = answer_json(self._send(upload_call(upload, wishes, self._settings)))
        return JobHandle(self, JobState.from_plain(plain))

    def stream(self, document: Document, **wishes: Unpack[Wishes]) -> Iterator[Page]:
        """The pages of `document` as they are finished, in any order. Raises what `extract` raises.

        Leaving the iterator before its end gives the rest up and removes the job.
        """
        handle = self.submit(document, **wishes)
        with handle._given_up_on(KeyboardInterrupt, GeneratorExit):
            yield from handle.stream()

    def job(self, job_id: str) -> JobHandle:
        """The job with that id, of this key.

        Raises:
            ServerError: There is none (404).
        """
        handle = JobHandle(self, JobState(id=job_id, state="queued"))
        handle.refresh()
        return handle

    def jobs(self, limit: int = 100) -> list[JobHandle]:
        """The newest jobs of this key, the newest first."""
        return [JobHandle(self, state) for state in find_jobs(answer_json(self._send(jobs_call(limit))))]

    def close(self) -> None:
        """Close the connections. Jobs go on."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.place!r})"

    @property
    def settings(self) -> Settings:
        """How it talks. Holds the key; not for logs."""
        return self._settings

    def _send(self, call: Call, *, stream: bool = False, retry_seconds: float | None = None) -> httpx.Response:
        """A good answer to `call`; the caller closes a `stream`."""
        patience = Patience(self._settings.retry_seconds if retry_seconds is None else retry_seconds)
        while True:
            request = call.build(self._http)
            try:
                response = self._http.send(request, stream=stream)
                if response.is_success:
                    return response
                with closing(response):
                    response.read()
            except httpx.RequestError as error:
                delay = patience.after_failure(error, request.url)
            else:
                delay = patience.after_answer(response)
            time.sleep(delay)


class JobHandle:
    """A job at the server. `state` is as of the last answer."""

    def __init__(self, client: Client, state: JobState) -> None:
        self._client = client
        self.state = state

    @property
    def id(self) -> str:
        """32 hex digits; whoever has the key may ask for the job by it."""
        return self.state.id

    def refresh(self) -> JobState:
        """Ask for the state."""
        return self._ask(None)

    def wait(self, seconds: float | None = None) -> JobState:
        """The final state.

        Raises:
            UnfinishedError: It is not final after `seconds`; it goes on.
        """
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while not self.state.is_final:
            asked = time.monotonic()
            self._ask(until - asked)
            if self.state.is_final:
                break
            if time.monotonic() >= until:
                raise UnfinishedError(self.id, seconds or 0.0)
            if time.monotonic() - asked < SHORTEST_WAIT:
                time.sleep(SHORTEST_WAIT)
        return self.state

    def stream(self, start: int = 0) -> Iterator[Page]:
        """The pages as they are finished, in any order, without the first `start` of them.

        A connection that is cut is made again, and the stream goes on with the row that follows.
        """
        for row in self._rows(start):
            yield page_of(row)

    def result(self, seconds: float | None = None) -> Result:
        """All rows, when the job is final. Raises what `wait` raises."""
        if seconds is not None:
            self.wait(seconds)
        rows = list(self._rows(0))
        return Result.of(self.state, rows)

    def cancel(self) -> None:
        """Give up what is not read yet and remove the job: its document and its text are gone from the server."""
        self._remove(None)

    def __repr__(self) -> str:
        return f"JobHandle({self.id!r}, {self.state.state}, {self.state.num_rows} of {self.state.num_pages} rows)"

    def _ask(self, wait: float | None) -> JobState:
        plain = answer_json(self._client._send(state_call(self.id, self._client.settings, wait)))
        self.state = JobState.from_plain(plain)
        return self.state

    def _remove(self, retry_seconds: float | None) -> None:
        try:
            self._client._send(remove_call(self.id), retry_seconds=retry_seconds)
        except ServerError as error:
            # Gone already, perhaps by the call before, whose answer was lost.
            if error.status != 404:
                raise

    @contextmanager
    def _given_up_on(self, *kinds: type[BaseException]) -> Iterator[None]:
        """Removes the job where nobody will ask for it any more."""
        try:
            yield
        except kinds:
            with contextlib.suppress(OmnipipeError):
                self._remove(0.0)
            raise

    def _rows(self, start: int) -> Iterator[Row]:
        lines = RowLines(start)
        settings = self._client.settings
        patience = Patience(settings.retry_seconds)
        while not lines.is_complete:
            lines.begin()
            call = rows_call(self.id, lines.num_rows, settings)
            try:
                with closing(self._client._send(call, stream=True)) as response:
                    for chunk in response.iter_bytes():
                        yield from lines.feed(chunk)
                delay = lines.check_end()
                patience = Patience(settings.retry_seconds)
            except httpx.RequestError as error:
                if lines.has_news:
                    patience = Patience(settings.retry_seconds)
                delay = patience.after_failure(error, settings.url)
            time.sleep(delay)
        self.state = lines.check_complete()
