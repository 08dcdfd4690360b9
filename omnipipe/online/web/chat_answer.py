"""Completions in OpenAI's shape, whole and as a stream of events."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Literal

from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omnipipe.errors import EngineDeadError, UserError
from omnipipe.model import Completion, Request
from omnipipe.online.engine_service import ServedModel
from omnipipe.online.web.client_gone import while_connected
from omnipipe.online.web.errors import ApiProblem, error_type, problem_of
from omnipipe.page import PageError, ProblemError

_log = logging.getLogger("omnipipe.online.web")

Finish = Literal["stop", "length"]


class UsageBody(BaseModel):
    """Tokens."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    total_tokens: int = Field(ge=0)


class AnswerMessage(BaseModel):
    """What the model said."""

    role: Literal["assistant"] = "assistant"
    content: str


class ChoiceBody(BaseModel):
    """The answer. One that loops is cut: its finish_reason is length, its stop_reason repetition."""

    index: int = 0
    message: AnswerMessage
    finish_reason: Finish
    stop_reason: Literal["repetition"] | None = None


class ChatCompletionBody(BaseModel):
    """A whole answer. `usage` is null where the engine does not count."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChoiceBody]
    usage: UsageBody | None


def completion_response(request: Request, name: str, completion: Completion) -> Response:
    """The whole answer."""
    finish, stop = _finish(completion)
    plain = {
        "id": request.id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": name,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": completion.text, "refusal": None},
                "logprobs": None,
                "finish_reason": finish,
                "stop_reason": stop,
            }
        ],
        "usage": _usage(completion),
    }
    return Response(_json(plain), media_type="application/json")


class ChatStream(Response):
    """An answer as events, the last of which is [DONE]; one that breaks off ends with an error and without it.

    `first` has come from `pieces` already. The engine stops when the client goes; `held` is closed at the end.
    """

    def __init__(
        self,
        request: Request,
        model: ServedModel,
        name: str,
        first: str | Completion,
        pieces: AsyncGenerator[str | Completion, None],
        *,
        with_usage: bool,
        held: ExitStack,
    ) -> None:
        super().__init__(None, 200, {"x-accel-buffering": "no"}, media_type="text/event-stream")
        del self.headers["content-length"]
        self._model = model
        self._first = first
        self._pieces = pieces
        self._with_usage = with_usage
        self._held = held
        self._head = {
            "id": request.id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": name,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            async with aclosing(self._pieces):
                await while_connected(receive, self._send_all(send))

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events()) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self) -> AsyncGenerator[bytes, None]:
        yield self._chunk({"role": "assistant", "content": ""})
        last: str | Completion = self._first
        try:
            if isinstance(last, str):
                yield self._chunk({"content": last})
                async for last in self._pieces:
                    if isinstance(last, str):
                        yield self._chunk({"content": last})
        except (ProblemError, EngineDeadError, UserError) as error:
            problem = chat_problem(error, self._model)
            plain = {"code": problem.code, "message": problem.message, "type": error_type(problem.status)}
            yield b"data: %s\n\n" % _json({"error": plain})
            return
        finish, stop = _finish(last) if isinstance(last, Completion) else ("stop", None)
        yield self._chunk({}, finish, stop)
        if self._with_usage:
            usage = _usage(last) if isinstance(last, Completion) else None
            yield b"data: %s\n\n" % _json({**self._head, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, str], finish: str | None = None, stop: str | None = None) -> bytes:
        choice: dict[str, object] = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        if stop is not None:
            choice["stop_reason"] = stop
        more = {"usage": None} if self._with_usage else {}
        return b"data: %s\n\n" % _json({**self._head, "choices": [choice], **more})


_STATUSES = {
    "context_overflow": (400, "context_length_exceeded"),
    "engine_timeout": (504, "engine_timeout"),
    "engine_dead": (503, "engine_dead"),
    "http_4xx": (502, "http_4xx"),
    "http_5xx": (502, "http_5xx"),
}


def chat_problem(error: ProblemError | EngineDeadError | UserError, model: ServedModel) -> ApiProblem:
    """What a client is told of an engine's `error`; nothing of this machine's files."""
    if isinstance(error, ProblemError):
        return _of_page_error(error.error, model)
    # Why an engine cannot be loaded or has died is the operator's business.
    _log.error("the engine of %s cannot answer: %s", model.name, error)
    known = problem_of(EngineDeadError())
    assert known is not None
    return known


def _of_page_error(error: PageError, model: ServedModel) -> ApiProblem:
    # All else that an engine says of one request is that request's fault, as engines promise.
    status, code = _STATUSES.get(error.code, (400, error.code))
    message = " ".join(error.message.replace(model.config.model, model.name).split())
    return ApiProblem(status, code, message, 10.0 if status == 503 else None)


def _finish(completion: Completion) -> tuple[Finish, Literal["repetition"] | None]:
    if completion.finish_reason == "repetition":
        return "length", "repetition"
    return completion.finish_reason, None


def _usage(completion: Completion) -> dict[str, object] | None:
    if completion.prompt_tokens is None or completion.completion_tokens is None:
        return None
    usage: dict[str, object] = {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
    }
    if completion.cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": completion.cached_tokens}
    return usage


def _json(plain: dict[str, object]) -> bytes:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
