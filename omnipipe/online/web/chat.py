"""POST /v1/chat/completions: any OpenAI client reaches the engine that reads the pipeline's pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import Response

from omnipipe.errors import EngineDeadError, UserError
from omnipipe.model import Completion
from omnipipe.model import Request as EngineRequest
from omnipipe.online.engine_service import EngineService, ServedModel
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.chat_answer import ChatCompletionBody, ChatStream, chat_problem, completion_response
from omnipipe.online.web.chat_pictures import PictureReader
from omnipipe.online.web.chat_request import RequestMaker
from omnipipe.online.web.chat_room import ChatRoom
from omnipipe.online.web.chat_schema import ChatBody, inlined, parse_chat
from omnipipe.online.web.client_gone import while_connected
from omnipipe.online.web.models import find_model
from omnipipe.online.web.schemas import ErrorBody
from omnipipe.page import ProblemError

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

# Below this a body is parsed at once: a thread costs more.
_BYTES_AT_ONCE = 256 << 10


def router(online: Online) -> APIRouter:
    """The routes of chat."""
    pictures = PictureReader()
    maker = RequestMaker(online.settings, pictures)
    room = ChatRoom(online.settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(pictures.close)

    routes = APIRouter(tags=["chat"], lifespan=lifespan)

    @routes.post("/v1/chat/completions", response_model=None, responses=_RESPONSES, openapi_extra=_request_body())
    async def post_chat(request: Request, who: Annotated[Caller, Depends(caller)]) -> Response:
        """Ask a model, with pictures; OpenAI's interface. With `stream` the answer comes as events.

        Each picture counts as a page of the key's quota, a request without any as one.
        """
        with ExitStack() as stack:
            stack.enter_context(online.quotas.admit(who))
            seat = stack.enter_context(room.enter())
            content = await room.read_body(request, seat)
            body = await (_parsed(content) if len(content) < _BYTES_AT_ONCE else asyncio.to_thread(parse_chat, content))
            del content
            model, adapter = find_model(online.engines.models, body.model)
            # A picture is a page to the model.
            online.quotas.count_pages(who, max(1, body.num_pictures))
            making = maker.make(body, model.config, who, adapter=adapter, seat=seat)
            asked = await while_connected(request.receive, making)
            if not body.stream:
                completion = await while_connected(request.receive, _answer(online.engines, model, asked))
                return completion_response(asked, body.model, completion)
            pieces = cast("AsyncGenerator[str | Completion, None]", online.engines.stream(model, asked))
            first = await while_connected(request.receive, _first(pieces, model))
            return ChatStream(
                asked,
                model,
                body.model,
                first,
                pieces,
                with_usage=bool(body.stream_options and body.stream_options.include_usage),
                held=stack.pop_all(),
            )

    return routes


async def _parsed(content: bytearray) -> ChatBody:
    return parse_chat(content)


async def _answer(engines: EngineService, model: ServedModel, asked: EngineRequest) -> Completion:
    try:
        return await engines.generate(model, asked)
    except (ProblemError, EngineDeadError, UserError) as error:
        raise chat_problem(error, model) from None


async def _first(pieces: AsyncGenerator[str | Completion, None], model: ServedModel) -> str | Completion:
    """The first thing of a stream: until it is there, what goes wrong still has a status of its own."""
    try:
        return await anext(pieces)
    except (ProblemError, EngineDeadError, UserError) as error:
        raise chat_problem(error, model) from None
    except BaseException:
        await pieces.aclose()
        raise


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream` as events, each a part of it.",
        "content": {
            "application/json": {"schema": inlined(ChatCompletionBody.model_json_schema())},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    **{
        status: {"model": ErrorBody, "description": description}
        for status, description in {
            429: "The key's quota is used up. See Retry-After.",
            400: "The request is malformed, or asks for what this model does not have; the message names the field.",
            401: "There is no API key in the request, or not a right one.",
            404: "There is no such model.",
            408: "The body came too slowly.",
            413: "The body is larger than the server takes.",
            500: "A fault of the server. The request id finds it in the log.",
            502: "The server behind the engine did not answer.",
            503: "No room, or no engine, at the moment. See Retry-After.",
            504: "The answer took longer than the engine's request_timeout.",
        }.items()
    },
}


def _request_body() -> dict[str, Any]:
    schema = inlined(ChatBody.model_json_schema(mode="validation"))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
