"""Which pages of a document are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from omnipipe.errors import ConfigError

Span = tuple[int, int]
"""Pages from start to stop (exclusive), counted from 0."""

_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:(-)\s*(\d{0,9})\s*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PageSelection:
    """Pages as a user names them, from 1, like `1-4,9,12-`.

    `ranges` holds first and last page, both included, counted from 1, sorted and without overlap; the last of an open
    range is None.
    """

    ranges: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The selection that `text` names.

        Raises:
            ConfigError: A part is not a page or a range; the message says which, and where it starts.
        """
        ranges: list[tuple[int, int | None]] = []
        place = 1
        for part in text.split(","):
            ranges.append(_range_of(part, text, place))
            place += len(part) + 1
        return cls(tuple(_merged(ranges)))

    def spans(self, page_count: int) -> list[Span]:
        """The selected pages of a document of `page_count` pages, ascending; what it does not have is left out."""
        clipped = ((first - 1, page_count if last is None else min(last, page_count)) for first, last in self.ranges)
        return [(start, stop) for start, stop in clipped if start < stop]


def split(page_count: int, selection: PageSelection | None, max_pages: int | None) -> tuple[list[Span], list[Span]]:
    """Spans to read, and spans to skip: of the selected pages (None: all) the first `max_pages` (None: all) are read.

    Pages that are not selected are in neither.
    """
    selected = [(0, page_count)] * (page_count > 0) if selection is None else selection.spans(page_count)
    if max_pages is None:
        return selected, []
    read: list[Span] = []
    skipped: list[Span] = []
    left = max(max_pages, 0)
    for start, stop in selected:
        cut = min(start + left, stop)
        left -= cut - start
        if start < cut:
            read.append((start, cut))
        if cut < stop:
            skipped.append((cut, stop))
    return read, skipped


def _range_of(part: str, text: str, place: int) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise _error(text, part, place, "is not a page or a range of pages")
    first = int(match[1])
    last = first if match[2] is None else int(match[3]) if match[3] else None
    if first < 1:
        raise _error(text, part, place, "asks for page 0, but pages count from 1")
    if last is not None and last < first:
        raise _error(text, part, place, "ends before it starts")
    return first, last


def _error(text: str, part: str, place: int, what: str) -> ConfigError:
    return ConfigError(
        f"--pages {text[:80]!r}: {part.strip()[:40]!r} (at character {place}) {what}. "
        "Write pages and ranges from 1, with commas between, such as 1-4,9,12-"
    )


def _merged(ranges: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    merged: list[tuple[int, int | None]] = []
    for first, last in sorted(ranges, key=lambda entry: entry[0]):
        if merged and (merged[-1][1] is None or first <= merged[-1][1] + 1):
            before, end = merged[-1]
            merged[-1] = (before, None if end is None or last is None else max(end, last))
        else:
            merged.append((first, last))
    return merged
