"""Chat requests as engines take them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams, find_unsupported
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.online.jobs.uploads import TooLargeError
from omnipipe.online.web.auth import Caller
from omnipipe.online.web.chat_schema import (
    SAMPLING,
    ChatBody,
    ChatMessage,
    ImageContent,
    invalid,
)
from omnipipe.online.web.errors import ApiProblem
from omnipipe.page import Pixels, ProblemError
from omnipipe.reading.facts import RenderPolicy

if TYPE_CHECKING:
    from omnipipe.online.settings import ServeSettings
    from omnipipe.online.web.chat_pictures import PictureReader
    from omnipipe.online.web.chat_room import Seat

_ANY_OBJECT: Mapping[str, object] = {"type": "object"}


class RequestMaker:
    """Makes engine requests of chat requests."""

    def __init__(self, settings: ServeSettings, pictures: PictureReader) -> None:
        self._settings = settings
        self._pictures = pictures

    async def make(
        self, body: ChatBody, config: EngineConfig, who: Caller, *, adapter: str | None, seat: Seat
    ) -> Request:
        """What the engine of `config` is asked; `seat` holds the pictures.

        Raises:
            ApiProblem: 400, where the engine does not take it; the message names the field.
        """
        params = params_of(body, config)
        schema, regex = _form(body)
        if (schema is not None or regex is not None) and not config.capabilities.structured_output:
            raise invalid(
                f"response_format is not supported by the {config.label} backend. Leave it out.",
                "unsupported_parameter",
            )
        messages = [await self._message(message, config, index) for index, message in enumerate(body.messages)]
        request = Request(
            id=f"chatcmpl-{secrets.token_hex(12)}",
            messages=tuple(messages),
            params=params,
            deadline=config.request_timeout or self._settings.default_deadline,
            priority=priority_of(body.priority, who),
            adapter=adapter,
            response_schema=schema,
            response_regex=regex,
        )
        seat.hold(sum(len(pixels.data) for pixels in request.images))
        return request

    async def _message(self, message: ChatMessage, config: EngineConfig, index: int) -> Message:
        parts: list[TextPart | ImagePart] = []
        for place, part in enumerate(message.content):
            if isinstance(part, ImageContent):
                where = f"messages.{index}.content.{place}.image_url"
                parts.append(ImagePart(await self._picture(part.image_url.url, config, where)))
            else:
                # Half a surrogate pair is JSON and no text.
                parts.append(TextPart(part.text.encode("utf-8", "replace").decode()))
        role = "system" if message.role == "developer" else message.role
        return Message(role, tuple(parts))

    async def _picture(self, url: str, config: EngineConfig, where: str) -> Pixels:
        family = getattr(config, "family", None)
        policy = RenderPolicy() if family is None else family.picture
        try:
            if url[:5].lower() == "data:":
                return await self._pictures.read(url, policy)
            return await self._pictures.read(await self._fetched(url, where), policy)
        except ProblemError as problem:
            raise invalid(f"{where}: {problem.error.message}", f"image_{problem.error.code}") from None

    async def _fetched(self, url: str, where: str) -> bytes:
        if not self._settings.url_allow:
            message = f"{where}: this server fetches no URLs. Send the picture as data:image/png;base64,..."
            raise invalid(message, "url_not_allowed")
        # Loads an HTTP client, which most servers never need.
        from omnipipe.online.web.fetch import fetch

        kept = _Memory(self._settings.max_chat_bytes)
        try:
            await fetch(url, self._settings.url_allow, kept)
        except TooLargeError as error:
            raise invalid(f"{where}: it has more than {error.max_bytes:,} bytes.", "image_too_large") from None
        except ApiProblem as problem:
            raise invalid(f"{where}: {problem.message.removeprefix('url: ')}", problem.code) from None
        return bytes(kept.content)


class _Memory:
    def __init__(self, most: int) -> None:
        self.content = bytearray()
        self._most = most

    def write(self, data: bytes) -> None:
        if len(self.content) + len(data) > self._most:
            raise TooLargeError(self._most)
        self.content += data


def params_of(body: ChatBody, config: EngineConfig) -> GenerationParams:
    """The engine's own parameters with those of `body`.

    Raises:
        ApiProblem: 400: one is out of its bounds, or the engine does not have it.
    """
    asked: dict[str, object] = {name: value for name in SAMPLING if (value := getattr(body, name)) is not None}
    limit = body.max_completion_tokens or body.max_tokens
    if limit is not None:
        asked["max_tokens"] = limit
    try:
        alone = GenerationParams.model_validate(asked)
        lacking = find_unsupported(alone, config.supports, config.label)
        if lacking:
            message = f"{lacking[0].name} is not supported by the {config.label} backend. Leave it out."
            raise invalid(message, "unsupported_parameter")
        params = config.generation.with_(**alone.model_dump(exclude_unset=True))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    except ConfigError as error:
        raise invalid(str(error)) from None
    if params.min_tokens > params.max_tokens:
        raise invalid(f"min_tokens={params.min_tokens} is over max_tokens={params.max_tokens}. Lower it.")
    return params


def priority_of(asked: int | None, who: Caller) -> int:
    """Our priority, where higher goes first, of vLLM's, where lower does; never above that of the key."""
    return who.priority if asked is None else min(-asked, who.priority)


def _form(body: ChatBody) -> tuple[Mapping[str, object] | None, str | None]:
    """The JSON schema and the regular expression that bind the answer."""
    if body.structured_outputs is not None:
        return body.structured_outputs.json_, body.structured_outputs.regex
    form = body.response_format
    if form is None or form.type == "text":
        return None, None
    return (_ANY_OBJECT if form.json_schema is None else form.json_schema.schema_), None
