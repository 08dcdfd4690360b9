"""Folders and globs on local file systems, lazily and in order."""

# ruff: noqa: PTH112, PTH116, PTH118
# See place.py: paths are plain strings.
from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import NamedTuple

from omnipipe.sources.bounded import waiting_for
from omnipipe.sources.place import has_magic, is_document_name, suffix_of

Found = tuple[str, os.stat_result | None]
"""A path and what stat says of it, None where it cannot be had."""


class _Entry(NamedTuple):
    """What a folder holds: kind `d` for a folder, `l` for a symbolic link, `f` for all else."""

    path: str
    name: str
    kind: str


def walk(root: str, left_out: Counter[str]) -> Iterator[Found]:
    """The documents below the folder `root`, by name, in the order of their paths.

    Hidden names are passed over; other files that are no documents by name are counted in `left_out` by their ending.
    Folders behind symbolic links come last, and no folder is visited twice, so loops end. A folder that cannot be
    listed is given as if it were a document, so that it is not lost.
    """
    visited: set[tuple[int, int]] = set()
    linked = deque([root])
    while linked:
        yield from _walk_tree(linked.popleft(), visited, linked, left_out)


def glob(pattern: str, left_out: Counter[str]) -> Iterator[Found]:
    """What matches `pattern` (`*`, `?`, `[...]` within a name, `**` over any folders), in the order of the paths.

    Folders that match are walked. A last part with an ending (`*.dat`) takes any file, one without (`*`) takes files
    that are documents by name. Hidden names have to be asked for by a dot.
    """
    parts = [part for part in pattern.split("/") if part]
    root = "/" if pattern.startswith("/") else os.curdir
    takes_any = "." in parts[-1]
    for path in _match(root, parts):
        if os.path.isdir(path):
            yield from walk(path, left_out)
        elif takes_any or is_document_name(path):
            yield path, find_stat(path)
        else:
            left_out[suffix_of(path)] += 1


def names_match(names: list[str], pattern: list[str]) -> bool:
    """Whether the parts of a path match the parts of a glob pattern."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        depth = next((i for i, name in enumerate(names) if name.startswith(".")), len(names))
        return any(names_match(names[i:], pattern[1:] or ["*"]) for i in range(depth + 1))
    return bool(names) and _name_matches(names[0], pattern[0]) and names_match(names[1:], pattern[1:])


def find_stat(path: str) -> os.stat_result | None:
    """What stat says of `path`, None if it cannot be had, whatever the reason."""
    try:
        with waiting_for(path):
            return os.stat(path)
    except (OSError, ValueError):
        return None


def is_folder(path: str) -> bool:
    """Whether there is a folder at `path`, or a link to one."""
    return os.path.isdir(path)


def _walk_tree(root: str, visited: set[tuple[int, int]], linked: deque[str], left_out: Counter[str]) -> Iterator[Found]:
    entries = _enter(root, visited)
    if entries is None:
        yield root, None
        return
    listings = [entries]
    while listings:
        entry = next(listings[-1], None)
        if entry is None:
            listings.pop()
        elif entry.name.startswith("."):
            continue
        elif entry.kind == "d":
            inner = _enter(entry.path, visited)
            if inner is None:
                yield entry.path, None
            else:
                listings.append(inner)
        elif entry.kind == "l" and os.path.isdir(entry.path):
            linked.append(entry.path)
        elif is_document_name(entry.name):
            yield entry.path, find_stat(entry.path)
        else:
            left_out[suffix_of(entry.name)] += 1


def _enter(folder: str, visited: set[tuple[int, int]]) -> Iterator[_Entry] | None:
    try:
        with waiting_for(folder):
            status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            return iter(())
        visited.add((status.st_dev, status.st_ino))
        return _in_order(folder)
    except OSError:
        return None


def _in_order(folder: str) -> Iterator[_Entry]:
    """What `folder` holds now, by name; kept as one text, a tenth of what an object for each would take."""
    with waiting_for(folder), os.scandir(folder) as entries:
        return _each(folder, "\0".join(sorted(f"{entry.name}\0{_kind(entry)}" for entry in entries)))


def _each(folder: str, listing: str) -> Iterator[_Entry]:
    start = 0
    while start < len(listing):
        end = listing.index("\0", start)
        name = listing[start:end]
        yield _Entry(os.path.join(folder, name), name, listing[end + 1])
        start = end + 3


def _kind(entry: os.DirEntry[str]) -> str:
    # Asks the file system only where it did not tell with the name.
    with suppress(OSError):
        return "l" if entry.is_symlink() else "d" if entry.is_dir() else "f"
    return "f"


def _match(base: str, parts: list[str]) -> Iterator[str]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _match_anywhere(base, rest or ["*"])
    elif not has_magic(part):
        path = os.path.join(base, part)
        if not rest and os.path.lexists(path):
            yield path
        elif rest and os.path.isdir(path):
            yield from _match(path, rest)
    else:
        for entry in _list(base):
            if not _name_matches(entry.name, part):
                continue
            if not rest:
                yield entry.path
            elif os.path.isdir(entry.path):
                yield from _match(entry.path, rest)


def _match_anywhere(base: str, rest: list[str]) -> Iterator[str]:
    # Links to folders are not followed by `**`, as in the shells: they may lead back up.
    folders = [base]
    while folders:
        folder = folders.pop()
        for path in _match(folder, rest):
            if rest != ["*"] or not os.path.isdir(path):
                yield path
        inner = [entry.path for entry in _list(folder) if _is_plain_folder(entry)]
        folders.extend(reversed(inner))


def _is_plain_folder(entry: _Entry) -> bool:
    return entry.kind == "d" and not entry.name.startswith(".")


def _list(folder: str) -> Iterator[_Entry]:
    try:
        return _in_order(folder)
    except OSError:
        return iter(())


def _name_matches(name: str, part: str) -> bool:
    return fnmatchcase(name, part) and (not name.startswith(".") or part.startswith("."))
