"""How a document's place is written: local paths, URIs of object stores, rows of a manifest."""

# ruff: noqa: PTH100, PTH110, PTH122
# Paths are plain strings in this room: a name need not be valid Unicode, and the folder walk is a hot loop.
from __future__ import annotations

import os
import re
import urllib.parse
from typing import NamedTuple

DOCUMENT_SUFFIXES = frozenset(
    "pdf png jpg jpeg jpe jfif tif tiff webp bmp dib gif jp2 j2k j2c jpc jpf jpx".split()  # noqa: SIM905
)
"""Endings (lower case, no dot) of the files that are taken from a folder; what is in them is decided by content."""

MANIFEST_SUFFIXES = frozenset({"txt", "lst", "jsonl", "ndjson", "parquet"})
"""Endings of files that list documents when they are named as an input."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_ROW = re.compile(r"row:(\d+):(.+)", re.DOTALL)
_MAGIC = re.compile(r"[*?[]")


class Row(NamedTuple):
    """Row `number` (from 0) of the manifest at `manifest` (a uri); its uri is `row:NUMBER:MANIFEST`.

    Local files are absolute paths and everything else has `://`, so no document can have such a uri.
    """

    number: int
    manifest: str

    @property
    def uri(self) -> str:
        return f"row:{self.number}:{self.manifest}"


def find_row(uri: str) -> Row | None:
    """The manifest's row that `uri` leads to, None where it is none."""
    match = _ROW.fullmatch(uri)
    return Row(int(match[1]), match[2]) if match else None


def find_scheme(uri: str) -> str | None:
    """The scheme of a URI in lower case, None for a path."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else None


def local_uri(path: str) -> str:
    """The uri of a local file: its absolute path, or a percent-escaped `file://` URI if that is not valid Unicode.

    Raises:
        ValueError: `path` cannot be the name of a file.
    """
    absolute = os.path.abspath(path)
    if absolute.isascii():
        return absolute
    try:
        absolute.encode()
    except UnicodeEncodeError:
        return "file://" + urllib.parse.quote(os.fsencode(absolute))
    return absolute


def find_local_path(uri: str) -> str | None:
    """The local path behind `uri`, None where it is in an object store or a manifest's row."""
    if uri.startswith("/") or not (_ROW.fullmatch(uri) or _SCHEME.match(uri)):
        return uri
    if uri[:7].lower() != "file://":
        return None
    plain = uri[7:].removeprefix("localhost")
    if os.path.exists(plain):
        return plain
    return os.fsdecode(urllib.parse.unquote_to_bytes(plain))


def suffix_of(name: str) -> str:
    """The ending of a name or path in lower case, without the dot; empty if there is none."""
    return os.path.splitext(name)[1][1:].lower()


def has_magic(text: str) -> bool:
    """Whether `text` has glob characters."""
    return _MAGIC.search(text) is not None


def is_document_name(name: str) -> bool:
    """Whether a file found in a folder is taken, by its ending."""
    return name.rpartition(".")[2].lower() in DOCUMENT_SUFFIXES
