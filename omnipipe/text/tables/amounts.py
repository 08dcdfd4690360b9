"""Where lists of amounts may be that no lines show: labels at the left, amounts that end at one place at the right."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.tables.gaps import by_rows, grown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.gaps import Box, Rows

_CURRENCY = (
    r"(?:[€$£¥₹₽]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|BRL"
    r"|Fr\.|Ft|Rs\.?|R\$|kr\.?|Kč|zł|лв\.?|руб\.?)"
)
_DIGITS = r"(?:\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+|\d+)"
_AMOUNT = re.compile(
    rf"(?P<before>[-+–−(]? ?{_CURRENCY}? ?[-+–−(]?)"
    rf"(?P<number>(?P<whole>{_DIGITS})(?P<cents>[.,](?:\d{{2}}|[-–—]{{1,2}}))?)"
    rf"(?P<after> ?(?:{_CURRENCY}|%)? ?[-+–−)*]?)"
)
_AT_END = re.compile(rf"(?: |^)(?:{_CURRENCY} ?)?[-+–−(]?{_DIGITS}[.,]\d{{2}}(?: ?(?:{_CURRENCY}|%))?[-–−)]?$")
_SECTION = re.compile(r"\d+(?:[.-]\d+)+")
_LEAST = 3
"""Amounts below each other."""
_FAR = 3.0
"""Font sizes between the baselines of a list at most."""
_MAX_ALONE = 1
_EDGE = 0.4
"""Font sizes; the ends of amounts are as near to each other: a sign or a bracket may hang over."""
_INDENT = 3.0
"""Font sizes between the starts of labels at most."""


class _Line(NamedTuple):
    """A line of a list: its row, its label and its amount (numbers of pieces); the amount may stand in the label's
    piece, or be missing."""

    row: int
    label: int
    amount: int | None


def amount_boxes(pieces: Pieces, text: str, numbers: NDArray[np.intp]) -> list[Box]:
    """Boxes (left, top, right, bottom) around lines of a label and an amount, three at least, with their head.

    `text` is the page's, `numbers` counts those in each of `pieces`.
    """
    if len(pieces.left) < 2 * _LEAST or not numbers.any():
        return []
    rows = by_rows(pieces)
    pairs = (rows.num_pieces == 2).nonzero()[0]
    one, other = rows.order[rows.starts[pairs]], rows.order[rows.starts[pairs] + 1]
    is_after = pieces.left[other] > pieces.left[one]
    left, right = np.where(is_after, one, other), np.where(is_after, other, one)
    good = numbers[right] > 0
    known = {r: (a, b) for r, a, b in zip(*(part[good].tolist() for part in (pairs, left, right)), strict=True)}
    if len(known) < 2:
        return []
    em = median(pieces.size)
    found, done = [], -1
    for row in known:
        if row > done:
            lines = _list_from(pieces, text, rows, known, row, em)
            done = lines[-1].row
            if _is_list(pieces, text, lines, em):
                found.append(_box(pieces, rows, lines, em))
    return found


def _list_from(
    pieces: Pieces, text: str, rows: Rows, known: dict[int, tuple[int, int]], row: int, em: float
) -> list[_Line]:
    """The lines of a list from `row` down, up to its last amount."""
    label, amount = known[row]
    lines = [_Line(row, label, amount)]
    end, start = pieces.right.item(amount), pieces.left.item(amount)
    last = 1
    for k in range(row + 1, len(rows.starts)):
        if rows.base[k] - rows.base[k - 1] > _FAR * em:
            break
        if k in known:
            label, amount = known[k]
            if abs(pieces.right.item(amount) - end) > _EDGE * em or pieces.right.item(label) > start:
                break
            start = min(start, pieces.left.item(amount))
            lines.append(_Line(k, label, amount))
            last = len(lines)
            continue
        if rows.num_pieces[k] != 1:
            break
        piece = rows.order.item(rows.starts[k])
        if abs(pieces.right.item(piece) - end) < _EDGE * em and _AT_END.search(_text(pieces, text, piece)):
            lines.append(_Line(k, piece, piece))
            last = len(lines)
        elif (
            len(lines) > last + _MAX_ALONE
            or pieces.right.item(piece) > start
            or not _starts_near(pieces, lines, piece, em)
        ):
            break
        else:
            # The name of a group, a label without its amount, or the second line of one.
            lines.append(_Line(k, piece, None))
    return lines[:last]


def _starts_near(pieces: Pieces, lines: Sequence[_Line], piece: int, em: float) -> bool:
    return abs(pieces.left.item(piece) - pieces.left.item(lines[0].label)) < _INDENT * em


def _text(pieces: Pieces, text: str, piece: int) -> str:
    return " ".join(text[pieces.first.item(piece) : pieces.last.item(piece)].split())


def _is_list(pieces: Pieces, text: str, lines: Sequence[_Line], em: float) -> bool:
    """Whether `lines` are surely a list of amounts: no table of contents, no equations with their numbers."""
    full = [line for line in lines if line.amount is not None]
    if len(full) < _LEAST or 2 * len(full) < len(lines) + 1:
        return False
    alone = [line for line in full if line.amount != line.label]
    labels = [_text(pieces, text, line.label) for line in alone]
    if any(sum(map(str.isalpha, label)) < 2 for label in labels):
        return False
    for side, slack in ((pieces.left, _INDENT), (pieces.right, _EDGE)):
        places = [side.item(line.label) for line in alone]
        if max(places) - min(places) < slack * em:
            break
    else:
        return False
    amounts = [_text(pieces, text, line.amount) for line in alone if line.amount is not None]
    read = [found for found in map(_AMOUNT.fullmatch, amounts) if found]
    if 4 * len(read) < 3 * len(amounts) or any(_SECTION.fullmatch(a) and not _AMOUNT.fullmatch(a) for a in amounts):
        return False
    sure = [amount for amount in read if amount["cents"] or not amount["whole"].isdigit() or _is_marked(amount)]
    bracketed = sum("(" in amount["before"] for amount in read)
    return 2 * len(sure) >= len(amounts) and len(sure) > 1 and 2 * bracketed < len(read) + 1 and not _grow(read)


def is_sure_amount(text: str) -> bool:
    """Whether `text` is nothing but an amount, with cents or a currency."""
    found = _AMOUNT.fullmatch(text)
    return found is not None and bool(found["cents"] or _is_marked(found))


def at_end(text: str) -> int | None:
    """Where the amount with cents starts that `text` ends in, after other words."""
    found = _AT_END.search(text)
    return found.start() if found and found.start() > 0 else None


def _is_marked(amount: re.Match[str]) -> bool:
    """Whether a currency or a percent sign is there."""
    return bool(amount["before"].strip(" -+–−(") or amount["after"].strip(" -+–−)*"))


def _grow(amounts: Sequence[re.Match[str]]) -> bool:
    """Whether bare numbers only grow, as those of pages and sections do, also where they count by chapters; sums of
    money, all with two digits after the point, may be in order of size."""
    if any(map(_is_marked, amounts)) or all(amount["cents"] for amount in amounts):
        return False
    places = [tuple(int("".join(filter(str.isdigit, part)) or 0) for part in a["number"].split(".")) for a in amounts]
    return all(a <= b for a, b in pairwise(places))


def _box(pieces: Pieces, rows: Rows, lines: Sequence[_Line], em: float) -> Box:
    inside = [i for line in lines for i in (line.label, line.amount) if i is not None]
    box = (
        float(pieces.left[inside].min()),
        float(pieces.top[inside].min()),
        float(pieces.right[inside].max()),
        float(pieces.bottom[inside].max()),
    )
    return grown(pieces, rows, box, (lines[0].row, lines[-1].row), em)
