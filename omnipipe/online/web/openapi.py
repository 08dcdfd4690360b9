"""What the OpenAPI document says beyond what FastAPI finds out by itself."""

from __future__ import annotations

from typing import Any

from omnipipe.online.web.render import MEDIA_TYPES
from omnipipe.online.web.schemas import ErrorBody, JobBody

DESCRIPTION = """\
PDFs and page images in, text out: one row a page, with the columns that `omnipipe run` writes.

**Keys.** Where the server has API keys, everything below `/v1/` needs one, as `Authorization: Bearer KEY` or
`X-API-Key: KEY`, and a job is there only for the key that made it. `/`, its static files, `/docs` and `/openapi.json`
are open to everybody and hold no data. `/healthz` and `/readyz` are open and say nothing but the state. `/metrics`
needs a key like `/v1/`, unless the server was told to open it.

**Errors** have one shape: `{"error": {"code": ..., "message": ...}}`. 429 and 503 say in `Retry-After` when to come
again. Every answer has an `X-Request-ID`.
"""

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
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
_TEXT = {"schema": {"type": "string"}}
_JOB_HEADERS = {
    "X-Job-Id": {"description": "The job's id.", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
}

Responses = dict[int | str, dict[str, Any]]


def errors(*statuses: int) -> Responses:
    """`responses=` of a route: what can go wrong with it, beside what can go wrong with all."""
    made: Responses = {}
    for status in sorted({400, 401, *statuses, 500}):
        made[status] = {"model": ErrorBody, "description": _WHY[status]}
        if status in (429, 503):
            made[status]["headers"] = _RETRY
    return made


def job_answers(*statuses: int) -> Responses:
    """`responses=` of a route that answers about a job in every form."""
    forms: dict[str, Any] = {media_type: _TEXT for form, media_type in MEDIA_TYPES.items() if form != "json"}
    return {
        200: {"model": JobBody, "description": "The job and its pages.", "headers": _JOB_HEADERS, "content": forms},
        202: {
            "model": JobBody,
            "description": "The job, which is not final yet or was not waited for.",
            "headers": {
                **_JOB_HEADERS,
                **_RETRY,
                "Location": {"description": "Where to ask about it.", "schema": {"type": "string"}},
            },
        },
        **errors(*statuses),
    }


_FIELDS: dict[str, Any] = {
    "pages": {"type": "string", "maxLength": 1000, "description": "Pages from 1, such as 1-4,9,12-."},
    "max_pages": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "format": {"type": "string", "enum": list(MEDIA_TYPES)},
    "wait": {"type": "number", "minimum": 0, "maximum": 86_400},
    "deadline": {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
    "pipeline": {"type": "string", "maxLength": 200},
    "detach": {"type": "boolean"},
    "file_name": {"type": "string", "maxLength": 1000},
}
_PASSWORD = {"type": "string", "description": "A password to try on an encrypted document; several are tried in turn."}
_BINARY = {"schema": {"type": "string", "format": "binary"}}

DOCUMENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Query parameters win over fields of the same name.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "password": _PASSWORD,
                        **_FIELDS,
                    },
                }
            },
            "application/pdf": _BINARY,
            "image/*": _BINARY,
            "application/octet-stream": _BINARY,
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["url"],
                    "additionalProperties": False,
                    "properties": {
                        "url": {
                            "type": "string",
                            "maxLength": 2000,
                            "description": "Fetched only where the server's url_allow has a prefix of it.",
                        },
                        "password": _PASSWORD,
                        **_FIELDS,
                    },
                }
            },
        },
    }
}
