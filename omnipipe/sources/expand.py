"""From what a user names to the documents behind it."""

# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH114, PTH117, PTH118, PTH120, PTH208
# See place.py: paths are plain strings.
from __future__ import annotations

import difflib
import json
import os
import stat
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from omnipipe.errors import InputError
from omnipipe.shelf import Shelf
from omnipipe.sources import remote
from omnipipe.sources.manifest import Entry, read_manifest, read_paths
from omnipipe.sources.place import MANIFEST_SUFFIXES, Row, find_local_path, find_scheme, has_magic, local_uri, suffix_of
from omnipipe.sources.source import Source, UserValue
from omnipipe.sources.walk import Found, find_stat, glob, walk

_CHUNK = 256
"""Rows of a manifest that are looked up together: an object store answers many questions as fast as one."""


class Doubles:
    """Uris that came again with other columns of the user's than the first time: how often, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.example: str | None = None

    def add(self, uri: str) -> None:
        self.count += 1
        self.example = self.example or uri


class Expansion(Iterator[Source]):
    """Sources, found while they are asked for.

    `left_out` counts the files of folders that are no documents by name, by their ending, as far as it has come, and
    `doubles` the rows whose columns were passed over because an earlier one named the same document.
    """

    def __init__(self, sources: Iterable[Source], left_out: Counter[str], doubles: Doubles) -> None:
        self._sources = iter(sources)
        self.left_out = left_out
        self.doubles = doubles

    def __next__(self) -> Source:
        return next(self._sources)

    @property
    def num_left_out(self) -> int:
        return self.left_out.total()


def expand(inputs: Sequence[str | Path], *, limit: int | None = None) -> Expansion:
    """The sources behind `inputs`, lazily, each uri once, at most `limit`.

    An input is a file, a folder (with those below it), a glob, `-` (paths from standard input, one a line), a manifest
    (.txt, .lst, .jsonl, .parquet), or the URI of any of these but `-`. A path in a manifest that leads nowhere is a
    source of unknown size. Of a uri that comes again the user's columns of the first time are kept.

    Raises:
        InputError: A named input does not exist, or nothing was found at all. Raised by this call, before the first
            source; later only for a manifest that cannot be read to its end.
    """
    left_out: Counter[str] = Counter()
    parts = [_expand_one(os.fspath(text), left_out) for text in inputs]
    together = chain.from_iterable(parts)
    doubles = Doubles()
    once = together if len(parts) == 1 and _comes_once(inputs[0]) else _each_once(together, doubles)
    sources = islice(once, None if limit is None else min(limit, sys.maxsize))
    first = next(sources, None)
    if first is None:
        raise InputError(_nothing_found([os.fspath(text) for text in inputs], left_out))
    return Expansion(chain([first], sources), left_out, doubles)


def _comes_once(given: str | Path) -> bool:
    """Whether no uri can come twice from one input: a file or folder here."""
    path = os.fspath(given)
    return os.path.isdir(path) or (os.path.isfile(path) and suffix_of(path) not in MANIFEST_SUFFIXES)


def _each_once(sources: Iterable[Source], doubles: Doubles) -> Iterator[Source]:
    seen = Shelf("CREATE TABLE seen (uri PRIMARY KEY, columns) WITHOUT ROWID")
    for source in sources:
        columns = zlib.crc32(json.dumps(source.user, sort_keys=True).encode()) if source.user else 0
        with seen.writing() as execute:
            is_new = execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (source.uri, columns)).rowcount
        if is_new:
            yield source
        elif columns and seen.row("SELECT columns FROM seen WHERE uri = ?", source.uri) != (columns,):
            doubles.add(source.uri)


def _expand_one(text: str, left_out: Counter[str]) -> Iterator[Source]:
    if text == "-":
        return _listed(read_paths(sys.stdin.buffer, "standard input"), None, left_out)
    if not text:
        raise InputError("An input is an empty text. Name a file or a folder, or . for this one.")
    path = find_local_path(text) if find_scheme(text) else text
    if path is None:
        return _expand_remote(text, left_out)
    status = find_stat(path)
    if status is None:
        if not has_magic(path) or os.path.lexists(path):
            raise InputError(_missing(path))
        return _matched(path, left_out)
    if stat.S_ISDIR(status.st_mode):
        return map(_source, walk(os.path.abspath(path), left_out))
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path} is neither a file nor a folder. Copy what it gives into a file first.")
    if suffix_of(path) in MANIFEST_SUFFIXES:
        return _listed(read_manifest(local_uri(path)), local_uri(path), left_out)
    return iter([_source((path, status))])


def _expand_remote(uri: str, left_out: Counter[str]) -> Iterator[Source]:
    if remote.is_file(uri):
        if suffix_of(uri) in MANIFEST_SUFFIXES:
            return _listed(read_manifest(uri), uri, left_out)
        return iter([Source(*file) for file in remote.find_files([uri]) if file])
    found = remote.find_documents(uri, left_out)
    first = next(found, None)
    if first is None:
        raise InputError(
            f"There are no documents at {uri}{_left_out_note(left_out)}. Check the bucket and the name, and "
            "AWS_ENDPOINT_URL for a store that is not Amazon's."
        )
    return (Source(*file) for file in chain([first], found))


def _matched(pattern: str, left_out: Counter[str]) -> Iterator[Source]:
    found = glob(os.path.abspath(pattern), left_out)
    first = next(found, None)
    if first is None:
        raise InputError(f"{pattern} matches no document{_left_out_note(left_out)}. Check the pattern and the folder.")
    return map(_source, chain([first], found))


def _source(found: Found, user: Mapping[str, UserValue] | None = None) -> Source:
    path, status = found
    if status is None:
        return Source(local_uri(path), None, None, user or {})
    return Source(local_uri(path), status.st_size, str(status.st_mtime_ns), user or {})


def _listed(entries: Iterator[Entry], manifest: str | None, left_out: Counter[str]) -> Iterator[Source]:
    """The sources of a manifest's rows; of standard input where `manifest` is None."""
    status = find_stat(find_local_path(manifest) or "") if manifest else None
    if manifest and status is None:
        file = remote.find_files([manifest])[0]
        stamp = file.stamp if file else None
    else:
        stamp = str(status.st_mtime_ns) if status else None
    while chunk := list(islice(entries, _CHUNK)):
        uris = [_entry_uri(entry, manifest) for entry in chunk]
        far = [uri for uri in uris if find_local_path(uri) is None and find_scheme(uri)]
        far_files = dict(zip(far, remote.find_files(far), strict=True))
        for entry, uri in zip(chunk, uris, strict=True):
            if uri.startswith("row:"):
                yield Source(uri, None, stamp, entry.user)
            elif uri in far_files:
                yield from _far_sources(uri, far_files[uri], entry.user, left_out)
            else:
                yield from _near_sources(find_local_path(uri) or uri, entry.user, left_out)


def _far_sources(
    uri: str, file: remote.RemoteFile | None, user: Mapping[str, UserValue], left_out: Counter[str]
) -> Iterator[Source]:
    files = iter([file]) if file else remote.find_documents(uri, left_out)
    try:
        for found in files:
            yield Source(*found, user)
    except InputError:
        # A folder that a manifest names and the store refuses to list: not lost, and not the end of the run.
        yield Source(uri, None, None, user)


def _near_sources(path: str, user: Mapping[str, UserValue], left_out: Counter[str]) -> Iterator[Source]:
    status = find_stat(path)
    if status is not None and stat.S_ISDIR(status.st_mode):
        return (_source(found, user) for found in walk(path, left_out))
    return iter([_source((path, status), user)])


def _entry_uri(entry: Entry, manifest: str | None) -> str:
    if entry.path is None:
        return Row(entry.row, manifest or "-").uri
    try:
        if find_scheme(entry.path):
            path = find_local_path(entry.path)
            entry.path.encode()
            return entry.path if path is None else local_uri(path)
        if manifest is None or os.path.isabs(entry.path) or os.path.exists(entry.path):
            return local_uri(entry.path)
        return _beside(manifest, entry.path)
    except ValueError:
        # No name of a file: a lone surrogate. The row itself is what can be named.
        return Row(entry.row, manifest or "-").uri


def _beside(manifest: str, path: str) -> str:
    folder = find_local_path(manifest)
    if folder is None:
        return f"{manifest.rpartition('/')[0]}/{path.removeprefix('./')}"
    return local_uri(os.path.join(os.path.dirname(folder), path))


def _missing(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    try:
        close = difflib.get_close_matches(name, set(os.listdir(folder)) - {name}, n=1)
    except OSError:
        close = []
    remedy = f"Did you mean {os.path.join(os.path.dirname(path), close[0])}?" if close else "Check the name."
    if os.path.islink(path):
        return f"{path} is a link that leads nowhere. Check what it points to."
    return f"{path} does not exist or cannot be looked at. {remedy}"


def _nothing_found(inputs: Sequence[str], left_out: Counter[str]) -> str:
    if not inputs:
        return "No input is named. Give files, folders, globs, URIs, a manifest or - for paths from standard input."
    names = ", ".join(inputs[:3]) + (", ..." if len(inputs) > 3 else "")
    return (
        f"There are no documents in {names}{_left_out_note(left_out)}. Documents are PDF, PNG, JPEG, TIFF, WebP, BMP, "
        "GIF and JPEG 2000 files; a file named by itself is taken whatever its ending."
    )


def _left_out_note(left_out: Counter[str]) -> str:
    if not left_out:
        return ""
    kinds = ", ".join(f"{count} {'.' + suffix if suffix else 'without'}" for suffix, count in left_out.most_common(3))
    return f" ({left_out.total()} files left out by their ending: {kinds})"
