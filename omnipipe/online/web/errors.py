"""One shape for every error that a client can get: {"error": {"code", "message", ...}}."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from omnipipe.errors import ConfigError, EngineDeadError, RunStopped
from omnipipe.online.busy import BusyError
from omnipipe.online.jobs.uploads import TooLargeError
from omnipipe.online.piece import WorkerLostError
from omnipipe.online.refusal import IdempotencyError, NoSuchJobError

_CODES = {401: "no_key", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_MESSAGES = {
    404: "There is nothing at this address. /openapi.json lists what there is.",
    405: "This address does not take the method of the request. /openapi.json lists what it takes.",
}
NO_SUCH_JOB = "There is no such job. It may have expired, or be another key's."


class ApiProblem(Exception):  # noqa: N818 - an answer, not a fault
    """What a client is told instead of a result. `retry_after` is in seconds; `headers` go along."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        retry_after: float | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.headers = dict(headers or {})


def problem_response(problem: ApiProblem, details: Sequence[Mapping[str, object]] = ()) -> Response:
    """The answer that tells `problem`. `details` name single values of the request that are wrong."""
    error: dict[str, object] = {"code": problem.code, "message": problem.message, "type": error_type(problem.status)}
    if problem.retry_after is not None:
        error["retry_after"] = problem.retry_after
    if details:
        error["details"] = list(details)
    headers = dict(problem.headers)
    if problem.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(problem.retry_after)))
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, problem.status, headers, media_type="application/json")


def error_type(status: int) -> str:
    """What OpenAI's clients look at: whose fault it is."""
    if status == 401:
        return "authentication_error"
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"


def problem_of(error: Exception) -> ApiProblem | None:
    """What a client is told of `error`, None where it is a fault of ours."""
    match error:
        case ApiProblem():
            return error
        case BusyError():
            return ApiProblem(503, "busy", str(error), error.retry_after)
        case TooLargeError():
            return ApiProblem(413, "too_large", str(error))
        case IdempotencyError():
            return ApiProblem(409, "idempotency_conflict", str(error))
        case NoSuchJobError():
            return ApiProblem(404, "not_found", NO_SUCH_JOB)
        case ConfigError():
            return ApiProblem(422, "invalid", str(error).replace("--pages", "pages"))
        case RunStopped():
            # Its message names a folder of this machine.
            return ApiProblem(503, "no_storage", "What was sent cannot be stored at the moment.", 30.0)
        case WorkerLostError():
            return ApiProblem(503, "worker_lost", "The worker that did this was lost. Try again.", 1.0)
        case EngineDeadError():
            return ApiProblem(503, "engine_dead", "The engine does not answer. Try again later.", 10.0)
        case HTTPException(status_code=status):
            message = _MESSAGES.get(status, str(error.detail))
            return ApiProblem(status, _CODES.get(status, f"http_{status}"), message, headers=error.headers)
        case _:
            return None


_TOLD = (
    ApiProblem,
    BusyError,
    TooLargeError,
    IdempotencyError,
    NoSuchJobError,
    ConfigError,
    RunStopped,
    WorkerLostError,
    EngineDeadError,
    HTTPException,
)


def install_errors(app: FastAPI) -> None:
    """Make `app` answer every error in the one shape."""
    for kind in _TOLD:
        app.add_exception_handler(kind, _tell)
    app.add_exception_handler(RequestValidationError, _tell_invalid)


async def _tell(_: Request, error: Exception) -> Response:
    problem = problem_of(error)
    assert problem is not None
    return problem_response(problem)


async def _tell_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid_response(error.errors())


def invalid_response(errors: Sequence[Mapping[str, object]]) -> Response:
    """422 for pydantic's `errors`: each with its place and reason, never with the value that was sent."""
    details = []
    for entry in errors:
        place = entry.get("loc")
        names = [str(part)[:80] for part in place] if isinstance(place, Sequence) else []
        details.append({"place": names, "message": str(entry.get("msg", ""))[:300]})
    first = details[0] if details else {"place": [], "message": "it is not what this address takes"}
    where = ".".join(str(part) for part in first["place"]) or "request"
    message = f"{where}: {first['message']}"
    return problem_response(ApiProblem(422, "invalid", message), details)
