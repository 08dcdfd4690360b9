"""Answers requests by asking a server."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from omnipipe.engines.api_answer import StreamedAnswer, to_completion
from omnipipe.engines.api_client import Client
from omnipipe.engines.api_errors import Fault, Remedy, fault_of_timeout
from omnipipe.engines.api_flavour import Flavour
from omnipipe.engines.api_limits import Clock, Concurrency, Limits, RealClock
from omnipipe.engines.api_open import look_around
from omnipipe.engines.api_params import Body, likely_tokens, to_body
from omnipipe.engines.base import Engine
from omnipipe.errors import EngineDeadError
from omnipipe.model import Completion, Request
from omnipipe.page import ProblemError

if TYPE_CHECKING:
    from omnipipe.engines.api import APIConfig

_FIRST_BACKOFF = 1.0
_HEALTH_SECONDS = 15.0


class APIEngine(Engine):
    """Sends requests as fast as limits and server allow, again where that may help, and never once they are answered.

    Waiting for leave to send costs no time of the answer: `request_timeout` counts for each attempt, `deadline` of a
    request for everything. An attempt that took too long is repeated once at most: it is the dearest. `clock` is for
    tests.
    """

    config: APIConfig

    def __init__(self, config: APIConfig, *, clock: Clock | None = None) -> None:
        super().__init__(config)
        self._clock: Clock = clock or RealClock()
        self._client: Client | None = None
        self._flavour: Flavour = config.known_flavour or "openai"
        self._death: str | None = None
        tokens = config.tokens_per_minute
        self.limits = Limits(
            Concurrency(config.min_concurrency, config.max_concurrency),
            requests_per_second=config.max_requests_per_second,
            tokens_per_second=None if tokens is None else tokens / 60,
            clock=self._clock,
        )

    async def open(self) -> None:
        client = Client(self.config)
        try:
            self._flavour = await look_around(client, self.config)
        except BaseException:
            await client.close()
            raise
        self._client, self._death = client, None

    async def close(self) -> None:
        client, self._client = self._client, None
        self._death = self._death or "it is closed"
        if client is not None:
            await client.close()

    async def health(self) -> None:
        client = self._living()
        try:
            await client.models(_HEALTH_SECONDS)
        except Fault as fault:
            if fault.is_silent or fault.remedy is Remedy.END:
                raise self._end(fault) from None

    def _seconds_for(self, request: Request) -> float | None:
        return request.deadline

    async def _generate(self, request: Request) -> Completion:
        client = self._living()
        body = await asyncio.to_thread(to_body, request, self.config, self._flavour)
        began = time.perf_counter()
        for attempt in range(self.config.max_retries + 1):
            try:
                completion, left = await self._attempt(client, request, body)
            except Fault as fault:
                await self._stand(fault, attempt)
                continue
            queue_ms = (left - began) * 1000
            return replace(completion, queue_ms=queue_ms, infer_ms=(time.perf_counter() - left) * 1000)
        raise AssertionError("the last attempt returns or raises")

    async def stream(self, request: Request) -> AsyncIterator[str]:
        """As promised by `Engine.stream`; begun again only as long as nothing has come.

        Raises:
            ProblemError: This request cannot be answered.
            EngineDeadError: No request can be answered any more.
        """
        async with aclosing(self.stream_completion(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        seconds = request.deadline if request.deadline is not None else self.config.request_timeout
        client = self._living()
        body = await asyncio.to_thread(to_body, request, self.config, self._flavour)
        body = {"stream_options": {"include_usage": True}, **body}
        end = None if seconds is None else time.monotonic() + seconds
        for attempt in range(self.config.max_retries + 1):
            has_begun = False
            answer = StreamedAnswer(self.config.price, client.secrets)
            try:
                async with self.limits.ticket(num_tokens=likely_tokens(request), priority=request.priority) as ticket:
                    pieces = client.stream(body)
                    try:
                        while (piece := await _next_before(pieces, end, seconds or 0)) is not None:
                            if text := answer.take(piece):
                                has_begun = True
                                yield text
                    except Fault as fault:
                        if fault.is_overload:
                            ticket.overloaded(None if self._is_too_long(fault) else fault.retry_after)
                        raise
                    finally:
                        await pieces.aclose()  # type: ignore[attr-defined]
                    ticket.succeeded()
                yield answer.completion()
                return
            except Fault as fault:
                if has_begun or fault.code == "engine_timeout":
                    raise ProblemError(fault.code, fault.message) from None
                await self._stand(fault, attempt)

    async def _attempt(self, client: Client, request: Request, body: Body) -> tuple[Completion, float]:
        """An answer, and when its request left (`perf_counter`)."""
        async with self.limits.ticket(num_tokens=likely_tokens(request), priority=request.priority) as ticket:
            self._living()
            left = time.perf_counter()
            try:
                answer = await client.ask(body, self.config.request_timeout)
                completion = to_completion(answer, self.config.price, client.secrets)
            except Fault as fault:
                if fault.is_overload:
                    ticket.overloaded(None if self._is_too_long(fault) else fault.retry_after)
                raise
            counted = [completion.prompt_tokens, completion.completion_tokens]
            ticket.succeeded(sum(count or 0 for count in counted) if any(counted) else None)
            return completion, left

    async def _stand(self, fault: Fault, attempt: int) -> None:
        """Return when the request may be sent again.

        Raises:
            ProblemError: It had its attempts, or another would not help.
            EngineDeadError: No request can be answered any more.
        """
        if fault.remedy is Remedy.END:
            raise self._end(fault)
        if fault.remedy is Remedy.GIVE_UP:
            raise ProblemError(fault.code, fault.message)
        if attempt >= min(self.config.max_retries, 1 if fault.code == "engine_timeout" else sys.maxsize):
            if fault.is_silent:
                # Nothing at all came: either this request kills connections, or the server is gone.
                await self.health()
            raise ProblemError(fault.code, f"{fault.message} ({attempt + 1} attempts)")
        wait = fault.retry_after
        if self._is_too_long(fault):
            message = f"{fault.message} It asks to wait {wait:g} s, longer than request_timeout."
            raise ProblemError(fault.code, message)
        if wait is None:
            longest = min(self.config.max_backoff, _FIRST_BACKOFF * 2**attempt)
            # At least half of it, so that nobody comes back at once; not all, so that not all come back together.
            wait = longest * (0.5 + 0.5 * random.random())
        await self._clock.sleep(wait)
        self._living()

    def _is_too_long(self, fault: Fault) -> bool:
        """Whether the server asks to wait longer than an answer may take."""
        most = self.config.request_timeout
        return fault.retry_after is not None and most is not None and fault.retry_after > most

    def _living(self) -> Client:
        if self._client is None or self._death is not None:
            raise EngineDeadError(f"the API engine cannot answer: {self._death or 'it is not open'}")
        return self._client

    def _end(self, fault: Fault) -> EngineDeadError:
        self._death = f"{self.config.address.host}: {fault.message}"
        return EngineDeadError(f"the API engine cannot answer: {self._death}")


async def _next_before(pieces: AsyncIterator[str], end: float | None, seconds: float) -> str | None:
    """The next piece, None at the end of the stream; `seconds` is for the message."""
    try:
        async with asyncio.timeout(None if end is None else end - time.monotonic()):
            return await anext(pieces, None)
    except TimeoutError:
        raise fault_of_timeout(seconds) from None
