"""Columns of numbers that stand as close as words do: known by a corridor that no row of them crosses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import DESCENT, base_of
from omnipipe.text.tables.corridors import cover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.words.chars import Words

_GRAIN = 0.05
_LEAST = 0.18
"""Font sizes that such a corridor is wide at least: less than a space between words."""
_ROWS = 5
_SHARE = 0.8
_AFTER = re.compile(r"^[($<>±+−–-]*\d")
_BEFORE = re.compile(r"[\d)%*†‡—–-]$")
_MAY_START, _MAY_END = np.zeros(0x10000, bool), np.zeros(0x10000, bool)
for _known, _signs in ((_MAY_START, "0123456789($<>+-"), (_MAY_END, "0123456789)%*-")):
    _known[[ord(c) for c in _signs]] = True
    _known[0x80:] = True
_BLANK = frozenset({"|", "‖", "–", "—", "-", "*", "..", "...", "....", "…", "·", "x", "n/a", "n.a.", "NA", "N/A"})
"""What stands in cells without a number."""
_ZERO = np.zeros(1, np.intp)
_NAME = re.compile(r"[^\W\d_]$")
_APART = 0.5
"""Font sizes between labels and numbers in three of four lines at least."""
_AREA = re.compile(r"^\(?0\d{2,5}\)?$")
_COUNTRY = re.compile(r"^\+[1-9]\d{0,2}$")
_BRACKETED, _LOCAL = re.compile(r"^\(\d{2,5}\)$"), re.compile(r"^\d{2,4}[-\u2010\u2011–]\d")
_THOUSANDS = re.compile(r"^\d{3}\b")


class _Pair(NamedTuple):
    """Two texts on one line, and the white between them in points."""

    before: str
    after: str
    white: float


def find_tight(
    words: Words, at: NDArray[np.intp], frame: tuple[NDArray[np.float32], ...], edges: Sequence[float], head: float
) -> list[int]:
    """For which of the columns between `edges` `tight_edges` is worth asking: those with lines of several words below
    `head`, numbers among them. `frame` is that of the words `at`."""
    left, top, right, bottom = frame
    num = len(edges) + 1
    column = np.array(edges, np.float32).searchsorted((left + right) / 2)
    if len(at) < 2 * _ROWS or max(np.bincount(column, minlength=num)[1:-1].tolist()) < 2 * _ROWS:
        return []
    base = bottom - DESCENT * (bottom - top)
    column[base <= head] = 0
    many = np.bincount(column, minlength=num) >= 2 * _ROWS
    if len(words.text) == len(words.units):
        # What is no sign of ASCII may be a digit of another script.
        least = int(_SHARE * _ROWS)
        for ends, known in ((words.units[words.first[at]], _MAY_START), (words.units[words.last[at] - 1], _MAY_END)):
            many &= np.bincount(column[known[ends]], minlength=num) >= least
    many[0] = many[-1] = False
    if not np.count_nonzero(many):
        return []
    here = many[column].nonzero()[0]
    here = here[np.lexsort((base[here], column[here]))]
    column, base, size = column[here], base[here], words.size[at][here]
    em = max(float(size.max()), 0.1)
    is_even = em - float(size.min()) < 0.01
    step = (base[1:] - base[:-1] > (0.349 if is_even else 0.351) * em) | (column[1:] != column[:-1])
    starts = np.concatenate((_ZERO, step.nonzero()[0] + 1))
    num_lines = np.bincount(column[starts], minlength=num)
    # Each line of several words has one more than it needs; where fonts differ there are more lines than these.
    many &= np.bincount(column, minlength=num) >= (1 + _SHARE - 0.01) * num_lines
    if is_even:
        several = np.concatenate((starts[1:], [len(here)])) - starts > 1
        num_several = np.bincount(column[starts[several]], minlength=num)
        many &= (num_lines >= _ROWS) & (num_several >= (_SHARE - 0.01) * num_lines)
    found: list[int] = (many.nonzero()[0] - 1).tolist()
    return found


def tight_edges(words: Pieces, text: str, start: float, end: float) -> list[float]:
    """Where columns of numbers meet between `start` and `end`; `words` are those of the rows below the head, each a
    piece of `text`."""
    middle = (words.left + words.right) / 2
    inside = np.flatnonzero((middle > start) & (middle < end))
    if len(inside) < 2 * _ROWS:
        return []
    here = words.take(inside)
    em = median(here.size)
    base = base_of(here)
    order = np.argsort(base, kind="stable")
    line = np.empty(len(order), np.intp)
    line[order] = np.concatenate(([0], np.cumsum(np.diff(base[order]) > 0.35 * em)))
    num_lines = int(line.max()) + 1
    if num_lines < _ROWS or np.count_nonzero(np.bincount(line) > 1) < _SHARE * num_lines:
        return []
    grain, x0 = _GRAIN * em, float(here.left.min())
    num_bins = int(min((float(here.right.max()) - x0) / grain, 4000)) + 2
    free = np.flatnonzero(cover(here.left, here.right, x0, grain, num_bins) == 0)
    corridors = np.split(free, np.flatnonzero(np.diff(free) > 1) + 1)
    places = [x0 + (c[0] + c[-1] + 1) / 2 * grain for c in corridors if len(c) * grain >= _LEAST * em and c[0] > 0]
    if not places:
        return []
    texts = [text[a:b] for a, b in zip(here.first.tolist(), here.last.tolist(), strict=True)]
    pairs = [_beside(here, texts, line, x) for x in places]
    if any(map(_are_telephones, pairs)):
        return []
    least = max(_ROWS, _SHARE * num_lines)
    return [x for x, found in zip(places, pairs, strict=True) if len(found) >= least and _are_numbers(found, em)]


def _beside(words: Pieces, texts: Sequence[str], line: NDArray[np.intp], place: float) -> list[_Pair]:
    """The texts that stand next to `place` on lines with some on both sides."""
    before: dict[int, tuple[float, str]] = {}
    after: dict[int, tuple[float, str]] = {}
    for k, x0, x1, text in zip(line.tolist(), words.left.tolist(), words.right.tolist(), texts, strict=True):
        if x1 <= place and (k not in before or x1 > before[k][0]):
            before[k] = (x1, text)
        elif x0 >= place and (k not in after or x0 < after[k][0]):
            after[k] = (x0, text)
    both = before.keys() & after.keys()
    return [_Pair(before[k][1], after[k][1], after[k][0] - before[k][0]) for k in both]


def _are_numbers(beside: Sequence[_Pair], em: float) -> bool:
    """Whether numbers stand on both sides of a place in nearly all lines, other than groups of three digits; or behind
    it only, most of them away from labels of several lengths."""
    pairs = [(pair.before, pair.after) for pair in beside]
    is_number = sum(b in _BLANK or bool(_AFTER.search(b)) for _, b in pairs) >= _SHARE * len(pairs)
    if is_number and sum(bool(_NAME.search(a)) for a, _ in pairs) >= _SHARE * len(pairs):
        white = sorted(pair.white for pair in beside)
        return white[len(white) // 4] > _APART * em
    numbers = [(bool(_BEFORE.search(a)), bool(_AFTER.search(b))) for a, b in pairs]
    fit = sum((x or a in _BLANK) and (y or b in _BLANK) for (x, y), (a, b) in zip(numbers, pairs, strict=True))
    grouped = sum(bool(_THOUSANDS.match(b) and a.isdigit()) for a, b in pairs)
    # An error or a share in brackets after each number belongs to it.
    bracketed = sum(b[0] in "([" and a[-1] not in ")]" for a, b in pairs)
    is_filled = 2 * sum(map(all, numbers)) > len(pairs)
    return fit >= _SHARE * len(pairs) and is_filled and 2 * grouped < len(pairs) and bracketed < _SHARE * len(pairs)


def _are_telephones(pairs: Sequence[_Pair]) -> bool:
    """Whether the first of most `pairs` is the code of a country, mostly the same, or of an area."""
    if len(pairs) < _ROWS:
        return False
    countries = [a for a, _, _ in pairs if _COUNTRY.match(a)]
    if 2 * max(map(countries.count, countries), default=0) > len(pairs):
        return True
    areas = sum(bool(_AREA.match(a) or (_BRACKETED.match(a) and _LOCAL.match(b))) for a, b, _ in pairs)
    return areas >= _SHARE * len(pairs)
