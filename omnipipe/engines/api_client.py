"""One exchange with a server, through the openai client: bytes in, text out, and every failure a `Fault`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from omnipipe.engines.api_errors import Fault, fault_of_nonsense, fault_of_silence, fault_of_status, fault_of_timeout
from omnipipe.errors import MissingExtraError

if TYPE_CHECKING:
    from omnipipe.engines.api import APIConfig

_CONNECT_SECONDS = 10.0


class Client:
    """The openai client without its own retries. Nothing that it raises or returns has a key in it."""

    def __init__(self, config: APIConfig) -> None:
        """Imports openai.

        Raises:
            MissingExtraError: It is not installed.
        """
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError("API backend", "openai", "pip install omnipipe[api]") from error
        self._openai: Any = openai
        # A streamed body that breaks off is an error of the HTTP library: httpx2, or httpx below openai 3.
        loaded: list[Any] = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
        self._broken = tuple(error for http in loaded for error in (http.HTTPError, http.StreamError))
        key = config.find_key()
        given = {name: value.get_secret_value() for name, value in config.extra_headers.items()}
        self.secrets = tuple(value for value in [key.get_secret_value() if key else "", *given.values()] if value)
        address = config.address
        headers: dict[str, Any] = dict(given)
        header = config.key_header or ("api-key" if address.service == "azure" else "authorization")
        # Left out of each request, where the client looks for it; an invented key would hide the right header.
        is_bare = (key is None or header != "authorization") and "authorization" not in {name.lower() for name in given}
        self._extra_headers: dict[str, Any] = {"Authorization": openai.Omit()} if is_bare else {}
        if key is not None and header == "api-key":
            headers["api-key"] = key.get_secret_value()
        if address.service != "openai":
            # The client takes them from the environment; they are nobody else's business.
            headers |= {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
        self._client: Any = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else "none",
            base_url=address.url,
            default_headers=headers,
            default_query=dict(address.query) or None,
            max_retries=0,
            timeout=openai.Timeout(None, connect=_CONNECT_SECONDS),
            # Pages and keys go where the user said: to no host that a server names, and from this machine to itself by
            # no proxy.
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=not address.is_here),
        )

    async def models(self, seconds: float) -> str:
        """The server's list of models, as JSON text."""
        async with self._faults(seconds):
            raw = await self._client.models.with_raw_response.list(extra_headers=self._extra_headers)
            return str(raw.text)

    async def ask(self, body: Mapping[str, object], seconds: float | None) -> str:
        """The answer to `body`, as JSON text."""
        async with self._faults(seconds):
            raw = await self._client.chat.completions.with_raw_response.create(**self._arguments(body))
            return str(raw.text)

    async def stream(self, body: Mapping[str, object]) -> AsyncIterator[str]:
        """The events of the answer to `body`, each as JSON text. Closing the iterator ends the request.

        Raises:
            Fault: As of `ask`; also if the stream ends before it says so.
        """
        async with self._faults(None):
            create = self._client.chat.completions.with_streaming_response.create
            async with create(**self._arguments({**body, "stream": True})) as response:
                async for line in response.iter_lines():
                    if not line.startswith("data:"):
                        continue
                    event = line[5:].strip()
                    if event == "[DONE]":
                        return
                    yield event
        raise fault_of_silence("the stream broke off", self.secrets)

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    def _arguments(self, body: Mapping[str, object]) -> dict[str, object]:
        # Everything goes into extra_body: the client's own arguments change with its version, JSON does not, and
        # messages as an argument are walked through by type, a fifth of a request's CPU time.
        required = {"model": body.get("model"), "messages": []}
        return {**required, "extra_body": dict(body), "extra_headers": self._extra_headers}

    @asynccontextmanager
    async def _faults(self, seconds: float | None) -> AsyncIterator[None]:
        """What goes wrong inside, as a `Fault`; the library's errors have the request and its headers in them."""
        limit = asyncio.timeout(seconds)
        fault: Fault
        try:
            async with limit:
                yield
            return
        except TimeoutError:
            if not limit.expired():
                raise
            fault = fault_of_timeout(seconds or 0)
        except self._openai.APIStatusError as error:
            with contextlib.suppress(*self._broken):
                await error.response.aread()
            headers = dict(error.response.headers)
            fault = fault_of_status(error.status_code, _text(error), headers, self.secrets)
        except (self._openai.APIConnectionError, *self._broken) as error:
            fault = fault_of_silence(_reason(error), self.secrets)
        except (self._openai.OpenAIError, json.JSONDecodeError, UnicodeDecodeError) as error:
            fault = fault_of_nonsense(str(error), self.secrets)
        raise fault from None


def _text(error: Any) -> str:
    # Of a streamed answer nothing may have been read.
    return str(error.response.text) if error.response.is_stream_consumed or error.response.is_closed else str(error)


def _reason(error: BaseException) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause) or str(error)
