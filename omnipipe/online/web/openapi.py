"""What the OpenAPI document says beyond what FastAPI finds out by itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from omnipipe.online.web.render import MEDIA_TYPES
from omnipipe.online.web.schemas import RETRY_HEADERS, JobBody, Responses, errors

DESCRIPTION = """\
PDFs and page images in, text out: one row a page, with the columns that `omnipipe run` writes.

**Keys.** Where the server has API keys, everything below `/v1/` needs one, as `Authorization: Bearer KEY` or
`X-API-Key: KEY`, and a job is there only for the key that made it. `/`, its static files, `/docs` and `/openapi.json`
are open to everybody and hold no data. `/healthz` and `/readyz` are open and say nothing but the state. `/metrics`
needs a key like `/v1/`, unless the server was told to open it.

**Errors** have one shape: `{"error": {"code": ..., "message": ...}}`. 429 and 503 say in `Retry-After` when to come
again. Every answer has an `X-Request-ID`.
"""

_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_TEXT = {"schema": {"type": "string"}}
_JOB_HEADERS = {
    "X-Job-Id": {"description": "The job's id.", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
}


def describe_keys(app: FastAPI, *, is_open: bool) -> None:
    """Add to `app`'s document how keys are sent; with `is_open` that none is needed."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = describe()
            document["components"]["securitySchemes"] = _SCHEMES
            wanted: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
            for path, methods in document["paths"].items():
                if path.startswith("/v1/"):
                    for operation in methods.values():
                        operation["security"] = [*wanted, {}] if is_open else wanted
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


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
                **RETRY_HEADERS,
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
