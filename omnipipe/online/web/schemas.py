"""What the OpenAPI document says of answers; nothing is parsed or written with these models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class ErrorDetail(BaseModel):
    """One value of the request that is wrong."""

    place: list[str]
    message: str


class ErrorInfo(BaseModel):
    """What went wrong. `code` is stable; `message` says what would be right."""

    code: str
    message: str
    type: str = ""
    retry_after: float | None = Field(None, description="Seconds after which another try makes sense.")
    request_id: str | None = None
    details: list[ErrorDetail] | None = None


class ErrorBody(BaseModel):
    """The body of every answer of status 400 and above."""

    error: ErrorInfo


class JobBody(BaseModel):
    """A job. `pages` are rows with the columns of a run's pages, in page order, where results are asked for."""

    id: str = Field(pattern="^[0-9a-f]{32}$")
    state: Literal["queued", "running", "done", "cancelled"]
    file_name: str
    size: int = Field(ge=0, description="Bytes of the document.")
    page_count: int | None = Field(description="Pages of the document; null until it was opened, or where unknown.")
    num_pages: int | None = Field(description="Pages that get a row; null until the document was opened.")
    num_rows: int = Field(ge=0, description="Rows that are finished.")
    created_at: float = Field(description="Seconds since 1970.")
    finished_at: float | None = Field(description="Seconds since 1970.")
    reason: str | None = Field(description="Why it was cancelled.")
    pages: list[dict[str, object]] | None = None


class JobList(BaseModel):
    """Jobs of the key that asks, the newest first."""

    jobs: list[JobBody]


class EngineBody(BaseModel):
    """One engine that a pipeline's pages wait for."""

    backend: str
    model: str


class PipelineBody(BaseModel):
    """A pipeline that is served. Equal hashes promise equal rows."""

    name: str
    config_hash: str
    stages: list[str]
    engines: list[EngineBody]
    formats: list[str]


class PipelineList(BaseModel):
    """All pipelines that are served."""

    pipelines: list[PipelineBody]


class HealthBody(BaseModel):
    """The state and nothing else."""

    status: Literal["ok", "unavailable"]


_WHY = {
    400: "The request is malformed, or its Host header is not one of this server's.",
    401: "There is no API key in the request, or not a right one.",
    403: "Not allowed here: a page of another site sent it without a key, or the URL is on no allow-list.",
    404: "There is no such thing, or it is another key's.",
    406: "None of the forms that the Accept header asks for.",
    408: "The body came too slowly.",
    409: "The idempotency key was used for something else.",
    410: "It was there once; its bytes are gone.",
    413: "The body is larger than the server takes.",
    415: "A body of this type is not taken.",
    422: "A value is wrong, and the message names it; or no page could be read, in a form that has only text.",
    429: "The key's quota is used up.",
    500: "A fault of the server. The log has it under the request id.",
    502: "The URL did not give a document.",
    503: "No room at the moment.",
}
RETRY_HEADERS = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}

Responses = dict[int | str, dict[str, Any]]


def errors(*statuses: int) -> Responses:
    """`responses=` of a route: what can go wrong with it, beside what can go wrong with all."""
    made: Responses = {}
    for status in sorted({400, 401, *statuses, 500}):
        made[status] = {"model": ErrorBody, "description": _WHY[status]}
        if status in (429, 503):
            made[status]["headers"] = RETRY_HEADERS
    return made
