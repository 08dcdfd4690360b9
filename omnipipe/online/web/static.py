"""The page for people at `/`, its files below `/assets`, and `/docs`: nothing of them comes from another place."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from omnipipe.online.web.errors import ApiProblem

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

PAGE_FOLDER = Path(__file__).parent / "page"

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""The suffixes that are served. Licences and notes lie beside them for whoever reads the package."""

_COMMON_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
PAGE_POLICY = f"{_COMMON_POLICY}; img-src 'self' blob:; require-trusted-types-for 'script'; trusted-types dompurify"
"""Of `/`. Pictures of pages are blobs: they are fetched with the API key. Only the sanitiser may make HTML of text."""
DOCS_POLICY = f"{_COMMON_POLICY}; img-src 'self' data:"
"""Of `/docs`: Swagger UI's style sheet has pictures within."""

# The files have no version in their names: a browser asks each time, and is told in 304 that nothing changed.
_HEADERS = {
    "cache-control": "no-cache",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class _File:
    """One file of the page, read once."""

    content: bytes
    media_type: str

    @cached_property
    def tag(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:32]

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, 6, mtime=0)

    def answer(self, request: Request, policy: str | None = None) -> Response:
        packs = "gzip" in request.headers.get("accept-encoding", "")
        # Two forms of one file are two entities to a cache in between.
        tag = f'"{self.tag}{"-gzip" if packs else ""}"'
        headers = {**_HEADERS, "etag": tag}
        if policy is not None:
            headers["content-security-policy"] = policy
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if packs:
            headers["content-encoding"] = "gzip"
        return Response(self.packed if packs else self.content, headers=headers, media_type=self.media_type)


def router(online: Online) -> APIRouter:
    """The routes of the page. They need no key: what they send is the same for everybody and holds no document."""
    routes = APIRouter(include_in_schema=False)
    files = _load(PAGE_FOLDER)

    @routes.api_route("/", methods=["GET", "HEAD"])
    def page(request: Request) -> Response:
        return files["index.html"].answer(request, PAGE_POLICY)

    @routes.api_route("/docs", methods=["GET", "HEAD"])
    def docs(request: Request) -> Response:
        return files["docs.html"].answer(request, DOCS_POLICY)

    @routes.api_route("/assets/{path:path}", methods=["GET", "HEAD"])
    def asset(request: Request, path: str) -> Response:
        file = files.get(f"assets/{path}")
        if file is None:
            raise ApiProblem(404, "not_found", "There is no such file.")
        return file.answer(request)

    return routes


def _load(folder: Path) -> dict[str, _File]:
    """All files that are served, by their path below `folder`: no request ever names a path on the disk."""
    return {
        path.relative_to(folder).as_posix(): _File(path.read_bytes(), MEDIA_TYPES[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.suffix in MEDIA_TYPES and path.is_file()
    }
