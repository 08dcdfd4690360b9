"""What a file is, by its content; its name only words the refusal."""

from __future__ import annotations

import codecs
import struct
from pathlib import PurePath
from typing import NamedTuple

from omnipipe.page import ProblemError

HEAD_BYTES = 16384
"""How much of a file's beginning decides what it is."""

IMAGE_FORMATS = ("png", "jpeg", "tiff", "webp", "bmp", "gif", "jp2")

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
)
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive (such as an Office document)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "a rich text document"),
    (b"%!PS", "PostScript"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x7fELF", "a program"),
)
_DOCUMENT_SUFFIXES = frozenset(
    {".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".jp2", ".j2k", ".jpx"}
)
_LIST_SUFFIXES = frozenset({".csv", ".tsv", ".json"})
_KNOWN = "PDF, PNG, JPEG, TIFF, WebP, BMP, GIF and JPEG 2000 can be read."


class Detected(NamedTuple):
    """`format` as in `DocumentRef.format`; `offset` is where a PDF's header starts, in bytes."""

    format: str
    offset: int = 0


def detect(head: bytes, name: str) -> Detected:
    """The format of a file that begins with `head` (at least `HEAD_BYTES` of it, or all).

    Raises:
        ProblemError: `empty`, `unsupported` (something else), or `corrupt` (named as a document, and nothing known).
    """
    shown = PurePath(name).name[:80]
    if not head:
        raise ProblemError("empty", f"{shown} has 0 bytes.")
    for signature, format in _SIGNATURES:
        if head.startswith(signature):
            return Detected(format)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Detected("webp")
    if head.startswith(b"BM") and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return Detected("bmp")
    for signature, other in _OTHERS:
        if head.startswith(signature):
            raise ProblemError("unsupported", f"{shown} is {other}. {_KNOWN}")
    # Mail headers, HTTP answers and the like stand before the header of many a PDF; HTML within a PDF does not.
    offset = head.find(b"%PDF-")
    if offset >= 0:
        return Detected("pdf", offset)
    if _is_html(head):
        raise ProblemError("unsupported", f"{shown} is an HTML or XML page. {_KNOWN}")
    if not head.strip(b"\0"):
        raise ProblemError("corrupt", f"{shown} begins with {len(head)} zero bytes. {_KNOWN}")
    suffix = PurePath(name).suffix.lower()
    if suffix in _LIST_SUFFIXES:
        wanted = "A list of documents is a .txt with a path a line, a .jsonl or a .parquet file."
        raise ProblemError("unsupported", f"{shown} is no document. {wanted}")
    if suffix in _DOCUMENT_SUFFIXES and not _is_text(head):
        raise ProblemError("corrupt", f"{shown} does not begin like any format that it could be. {_KNOWN}")
    raise ProblemError("unsupported", f"{shown} is neither a PDF nor a known image. {_KNOWN}")


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels that a WebP file claims; None where its header is not understood.

    Pillow allocates the whole picture when it opens a WebP file, before its size can be asked for.
    """
    if len(head) < 30:
        return None
    chunk = head[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _is_html(head: bytes) -> bool:
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\0").lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<script", b"<svg", b"<!--"))


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:1024])
    except UnicodeDecodeError:
        return False
    return all(char >= " " or char in "\t\r\n\f" for char in text)
