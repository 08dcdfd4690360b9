"""Documents out of request bodies: streamed into the spool, never whole in memory."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from omnipipe.online.jobs.uploads import UploadWriter
from omnipipe.online.web.client_gone import ClientGoneError
from omnipipe.online.web.errors import ApiProblem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

    from omnipipe.online.web.state import Online

_MAX_FIELD_BYTES = 64 << 10
_MAX_PARTS = 64
_MAX_NAME = 200
_FORM_OVERHEAD = 1 << 20
_SLOWEST_BYTES_PER_SECOND = 4 << 10
_RAW = re.compile(r"application/(pdf|octet-stream)|image/[a-z0-9.+-]{1,80}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(slots=True)
class Body:
    """A request's body, read to its end. The caller finishes or discards `writer`, or sets `is_taken`."""

    writer: UploadWriter
    file_name: str = ""
    fields: dict[str, object] = field(default_factory=dict)
    passwords: list[str] = field(default_factory=list, repr=False)
    url: str | None = None
    is_taken: bool = False

    def discard(self) -> None:
        """Remove what came, unless somebody else sees to it."""
        if not self.is_taken:
            self.writer.discard()


async def read_body(request: Request, online: Online) -> Body:
    """The document and the fields of a POST to /v1/documents. `url` is set, and nothing written, for a JSON body.

    Raises:
        ApiProblem: 408, 413, 415 or 422: too slow, too large, of another type, or malformed. Nothing is left behind.
        ClientGoneError: The client went in the middle.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    media_type = kind.decode("latin-1")
    is_form = media_type == "multipart/form-data"
    if not (is_form or media_type in ("", "application/json") or _RAW.fullmatch(media_type)):
        raise ApiProblem(
            415,
            "unsupported_media_type",
            f"Content-Type {media_type[:80]} is not taken. Send a form (curl -F file=@paper.pdf), or the bytes alone"
            " with Content-Type application/pdf, image/* or application/octet-stream.",
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiProblem(415, "unsupported_encoding", "Content-Encoding is not taken. Send the document unpacked.")
    most = online.settings.max_bytes
    declared = request.headers.get("content-length", "")
    if re.fullmatch(r"[0-9]{1,18}", declared) and int(declared) > most + (_FORM_OVERHEAD if is_form else 0):
        raise too_large(most)
    body = Body(online.store.uploads.writer())
    chunks = body_chunks(request, online.settings.body_timeout)
    try:
        if is_form:
            await _read_form(chunks, options.get(b"boundary", b""), body)
        elif media_type == "application/json":
            await _read_json(chunks, body)
        else:
            await _read_raw(chunks, body)
            body.file_name = _header_name(request)
        body.passwords += header_password(request)
    except BaseException:
        body.writer.discard()
        raise
    return body


def too_large(most: int) -> ApiProblem:
    """413: the limit is `most` bytes."""
    return ApiProblem(413, "too_large", f"The document is larger than the {most:,} bytes that this server takes.")


def plain_name(name: str) -> str:
    """`name` without folders and control characters, at most 200 characters; "document" where nothing is left."""
    clean = _CONTROL.sub("", re.split(r"[/\\]", name)[-1]).strip()
    if len(clean) > _MAX_NAME:
        # The ending stays: it words what is said of a damaged document.
        stem, dot, ending = clean.rpartition(".")
        tail = dot + ending if stem and len(ending) < 20 else ""
        clean = clean[: _MAX_NAME - len(tail)] + tail
    return "document" if clean in ("", ".", "..") else clean


def header_password(request: Request) -> list[str]:
    """The password that the header X-Document-Password has, for bodies without fields."""
    word = request.headers.get("x-document-password")
    return [] if word is None else [word.encode("latin-1").decode("utf-8", "replace")]


def _header_name(request: Request) -> str:
    _, options = parse_options_header(request.headers.get("content-disposition"))
    disposition = request.headers.get("content-disposition", "")
    encoded = re.search(r"filename\*\s*=\s*utf-8''([^;\s]{1,600})", disposition, re.IGNORECASE)
    if encoded:
        return unquote(encoded[1], errors="replace")
    return _decoded(options.get(b"filename", b""))


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "replace")


async def body_chunks(request: Request, pause: float) -> AsyncIterator[bytes]:
    """The body of `request` as it comes, with no pause longer than `pause` seconds.

    Raises:
        ApiProblem: 408: it comes too slowly.
        ClientGoneError: The client went in the middle.
    """
    begun = time.monotonic()
    received = 0
    while True:
        try:
            async with asyncio.timeout(pause):
                message = await request.receive()
        except TimeoutError:
            raise _too_slow(pause) from None
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        received += len(chunk)
        if time.monotonic() - begun > pause + received / _SLOWEST_BYTES_PER_SECOND:
            raise _too_slow(pause)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def _too_slow(pause: float) -> ApiProblem:
    return ApiProblem(
        408,
        "too_slow",
        f"The body came too slowly: nothing for {pause:g} s, or less than {_SLOWEST_BYTES_PER_SECOND:,} bytes/s.",
        headers={"connection": "close"},
    )


async def _read_raw(chunks: AsyncIterator[bytes], body: Body) -> None:
    is_empty = True
    async for chunk in chunks:
        body.writer.write(chunk)
        is_empty = False
    if is_empty:
        raise _no_document()


async def _read_json(chunks: AsyncIterator[bytes], body: Body) -> None:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > _MAX_FIELD_BYTES:
            raise ApiProblem(413, "too_large", f"A JSON body may have {_MAX_FIELD_BYTES:,} bytes.")
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError):
        raise ApiProblem(422, "invalid", "The body is not JSON.") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("url"), str):
        raise ApiProblem(422, "invalid", 'A JSON body is an object with the member "url". Send documents as a form.')
    body.url = str(plain.pop("url"))
    passwords = plain.pop("password", [])
    passwords = [passwords] if isinstance(passwords, str) else passwords
    if not isinstance(passwords, list) or not all(isinstance(word, str) for word in passwords):
        raise ApiProblem(422, "invalid", "password: it is not a string, nor a list of strings.")
    # JSON can spell halves of characters, which nothing can store.
    body.passwords += [word.encode("utf-8", "replace").decode() for word in passwords]
    body.fields |= plain


async def _read_form(chunks: AsyncIterator[bytes], boundary: bytes, body: Body) -> None:
    if not 0 < len(boundary) <= 200:
        raise ApiProblem(422, "invalid", "The multipart body's Content-Type has no boundary.")
    form = _Form(body)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise ApiProblem(422, "invalid", "The body is not multipart/form-data with the given boundary.") from None
    if not form.is_complete:
        raise ApiProblem(422, "invalid", "The multipart body ends before its last boundary.")
    if not form.has_file:
        raise _no_document()


def _no_document() -> ApiProblem:
    return ApiProblem(422, "no_document", "There is no document. Send one as the form field 'file', or as the body.")


class _Form:
    """Takes the parts of one multipart body as they come."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._parts = 0
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._name: str | None = None
        self._content = bytearray()
        self._num_field_bytes = 0
        self._file_bytes: int | None = None
        self.is_complete = False

    @property
    def has_file(self) -> bool:
        """Whether a document came. A form whose file input was left empty sends a part without name and bytes."""
        return self._file_bytes is not None and (self._file_bytes > 0 or self._body.file_name != "")

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise ApiProblem(422, "invalid", f"The form has more than {_MAX_PARTS} parts.")
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = _decoded(options.get(b"name", b""))
        self._name = name
        self._content.clear()
        if name == "file":
            if self._file_bytes is not None:
                raise ApiProblem(422, "several_files", "There is more than one 'file'. Send one document a request.")
            self._file_bytes = 0
            self._body.file_name = _decoded(options.get(b"filename", b""))
        elif b"filename" in options:
            raise ApiProblem(422, "invalid", f"{name[:80]!r} is no field for a document. Use 'file'.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self._body.writer.write(data if end - start == len(data) else data[start:end])
            self._file_bytes = (self._file_bytes or 0) + end - start
            return
        self._num_field_bytes += end - start
        if self._num_field_bytes > _MAX_FIELD_BYTES:
            raise ApiProblem(413, "too_large", f"The form's fields have more than {_MAX_FIELD_BYTES:,} bytes.")
        self._content += data[start:end]

    def _part_end(self) -> None:
        name = self._name or ""
        if name == "file":
            return
        value = self._content.decode("utf-8", "replace")
        if name == "password":
            self._body.passwords.append(value)
        elif name in self._body.fields:
            raise ApiProblem(422, "invalid", f"{name[:80]}: it is there twice.")
        else:
            self._body.fields[name] = value

    def _end(self) -> None:
        self.is_complete = True
