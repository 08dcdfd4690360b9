"""Packing pages into units: small documents together, big ones split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from omnipipe.unit import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSize:
    """How big a unit may get, by rows and by estimated seconds of work.

    Units get smaller than `max_seconds` where a plan would otherwise have fewer than `num_units` units, so that
    the last unit does not keep one worker busy while the others wait; never smaller than `min_seconds`.
    """

    max_pages: int = 256
    max_seconds: float = 30.0
    min_seconds: float = 0.5
    num_units: int = 48
    text_page_seconds: float = 0.005
    ocr_page_seconds: float = 3.0

    def page_seconds(self, ocr_share: float) -> float:
        """Estimated seconds of work a page of a document with `ocr_share` (0 to 1) of pages that need OCR."""
        return self.text_page_seconds + self.ocr_page_seconds * min(max(ocr_share, 0.0), 1.0)


class Work(NamedTuple):
    """A member to pack, and the estimated seconds that each of its rows takes."""

    member: Member
    row_seconds: float


def pack(works: Sequence[Work], size: UnitSize) -> Iterator[tuple[Member, ...]]:
    """Members of units, in the order of `works`; every row of `works` in exactly one of them.

    A document that would fit into half a unit is never split over two.
    """
    total = sum(work.member.num_rows * work.row_seconds for work in works)
    most_seconds = min(size.max_seconds, max(size.min_seconds, total / size.num_units))
    unit: list[Member] = []
    rows, seconds = 0, 0.0
    for work in works:
        for piece in _pieces(work, size.max_pages, most_seconds, rows, seconds):
            cost = piece.num_rows * work.row_seconds
            if unit and (rows + piece.num_rows > size.max_pages or seconds + cost > most_seconds):
                yield tuple(unit)
                unit, rows, seconds = [], 0, 0.0
            unit.append(piece)
            rows += piece.num_rows
            seconds += cost
    if unit:
        yield tuple(unit)


def _pieces(work: Work, max_rows: int, max_seconds: float, rows: int, seconds: float) -> Iterable[Member]:
    member = work.member
    most = max(1, min(max_rows, int(max_seconds / work.row_seconds)))
    if member.kind != "read" or member.num_rows * 2 <= most:
        return [member]
    # The first piece fills the unit that is begun, if that is worth opening the document once more.
    room = min(max_rows - rows, int(max(0.0, max_seconds - seconds) / work.row_seconds))
    first = room if room * 4 >= most else most
    pieces = []
    start = member.start
    while start < member.stop:
        stop = min(member.stop, start + (first if start == member.start else most))
        pieces.append(member._replace(start=start, stop=stop))
        start = stop
    return pieces
