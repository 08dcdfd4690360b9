"""Rows of a page as blocks of markdown: paragraphs joined, words made whole, headings by size, lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines import GAP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from omnipipe.text.chars import Words
    from omnipipe.text.lines import Pieces
    from omnipipe.text.options import TextOptions
    from omnipipe.text.order import Column

_BULLET = re.compile(r"^[•◦▪▫‣⁃●○■□◆◇➢➤►▶✓✔–—*·o\uf0b7\uf0a7-]\s+(?=\S)")
_NUMBER = re.compile(r"^(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\[\d{1,3}\])\s+(?=\S)")
_SECTION = re.compile(r"^(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.? \S")
_WORD = re.compile(r"[^\W\d_]{2}|[\u2e80-\u9fff\uac00-\ud7a3]")
_ENDS = re.compile(r"[.!?:;。！？：…।؟]['\"”’)\]]*$")
_MARKS = "\ufffe\xad\u2010-"
_NO_SPACE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
MAX_LEVELS = 4
MIN_HEADING = 1.14
"""A heading is set at least this many times larger than the body."""


class Row(NamedTuple):
    """One row of text: its words, its box in the reading frame in points, its size, whether it has wide gaps, and the
    index of its first word."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    gaps: bool
    word: int


class Part(NamedTuple):
    """A block in the reading frame: type, heading level, text, box; `html` for tables."""

    type: str
    level: int | None
    text: str
    left: float
    top: float
    right: float
    bottom: float
    html: str | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in points."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class PageStyle:
    """What blocks need to know of their page: the size of running text, the sizes of headings (largest first), the
    page's text (to see how a broken word is written elsewhere), and whether a word is set in bold."""

    body: float
    levels: Sequence[float]
    text: str
    is_bold: Callable[[int], bool]
    options: TextOptions


def to_rows(pieces: Pieces, column: Column, text: str) -> list[Row]:
    """The rows of one column of `reading_order`."""
    flat, starts = column
    first, last = pieces.first[flat].tolist(), pieces.last[flat].tolist()
    left, right, size = pieces.left[flat], pieces.right[flat], pieces.size[flat]
    weight = (pieces.last - pieces.first)[flat].astype(np.float32)
    numbers = zip(
        starts.tolist(),
        [*starts[1:].tolist(), len(flat)],
        np.minimum.reduceat(left, starts).tolist(),
        np.minimum.reduceat(pieces.top[flat], starts).tolist(),
        np.maximum.reduceat(right, starts).tolist(),
        np.maximum.reduceat(pieces.bottom[flat], starts).tolist(),
        (np.add.reduceat(size * weight, starts) / np.add.reduceat(weight, starts)).tolist(),
        pieces.word[flat[starts]].tolist(),
        strict=True,
    )
    lefts, rights = left.tolist(), right.tolist()
    rows = []
    for start, end, x0, y0, x1, y1, em, word in numbers:
        words = text[first[start] : last[start]].split()
        gaps = False
        for i in range(start + 1, end):
            words += text[first[i] : last[i]].split()
            wide = GAP * em
            gaps = gaps or lefts[i] - rights[i - 1] > wide or lefts[i - 1] - rights[i] > wide
        rows.append(Row(" ".join(words), x0, y0, x1, y1, em, gaps, word))
    return rows


def to_parts(rows: Sequence[Row], page: PageStyle) -> list[Part]:
    """The blocks of one column."""
    if not rows:
        return []
    edge = _right_edge(rows)
    parts: list[Part] = []
    group: list[Row] = [rows[0]]
    for previous, row in pairwise(rows):
        is_head = len(group) < 3 and _is_bold_heading(previous, row, edge, page)
        if is_head or _starts_block(previous, row, group, edge):
            parts.append(_part(group, edge, page, is_head))
            group = []
        group.append(row)
    parts.append(_part(group, edge, page, False))
    return parts


def _is_bold_heading(previous: Row, row: Row, edge: float, page: PageStyle) -> bool:
    """Whether `previous` is a short line in bold above running text that is not."""
    text = previous.text
    if not page.options.headings or previous.gaps or row.gaps or len(text) > 90:
        return False
    if previous.right > edge - 2 * previous.size or not text[0].isalnum() or text[-1] in ".,;:-\ufffe":
        return False
    if row.right < edge - 0.25 * (edge - row.left) or not _WORD.search(text) or not page.is_bold(previous.word):
        return False
    return page.is_bold(previous.word + text.count(" ")) and not page.is_bold(row.word)


def _right_edge(rows: Sequence[Row]) -> float:
    """Where full lines of the column end."""
    ends = sorted(row.right for row in rows)
    return ends[-max(1, len(ends) // 10)]


def _starts_block(previous: Row, row: Row, group: Sequence[Row], edge: float) -> bool:
    em = row.size if row.size > previous.size else previous.size
    if abs(previous.size - row.size) > 0.12 * em:
        return True
    pitch = row.bottom - previous.bottom
    is_short = previous.right < edge - 3 * em
    if pitch < 2 * em and row.text[:1].islower() and not is_short and not row.gaps:
        return False
    usual = group[1].bottom - group[0].bottom if len(group) > 1 else 1.45 * em
    if pitch > 1.3 * em and (pitch > 2.2 * em or (pitch > 1.25 * usual and pitch > usual + 0.25 * em)):
        return True
    if _BULLET.match(row.text) or _NUMBER.match(row.text):
        return True
    indented = row.left > previous.left + 0.7 * em and len(group) > 1 and row.left > group[1].left + 0.7 * em
    if not (is_short or indented) or row.gaps or not _ENDS.search(previous.text):
        return False
    return indented or not _is_full(previous, group)


def _is_full(row: Row, group: Sequence[Row]) -> bool:
    """Whether `row` reaches the edge of its own paragraph, which may be narrower than its column."""
    return len(group) > 2 and row.right > max([other.right for other in group]) - row.size


def _part(group: Sequence[Row], edge: float, page: PageStyle, is_bold_heading: bool) -> Part:
    head = group[0]
    box = (head.left, head.top, head.right, head.bottom)
    if len(group) > 1:
        box = (
            min([row.left for row in group]),
            min([row.top for row in group]),
            max([row.right for row in group]),
            max([row.bottom for row in group]),
        )
    text = _flow(group, edge, page)
    if page.options.headings and head.size >= MIN_HEADING * page.body and _is_heading(group, text):
        level = next((i for i, other in enumerate(page.levels, 1) if head.size > 0.96 * other), None)
        if level is not None:
            return Part("title", level, text.replace("\n", " "), *box)
    if is_bold_heading:
        return Part("title", min(len(page.levels), MAX_LEVELS) + 1, text.replace("\n", " "), *box)
    if page.options.lists:
        bullet = _BULLET.match(text)
        if bullet:
            return Part("list", None, "- " + text[bullet.end() :], *box)
        if _NUMBER.match(text):
            return Part("list", None, text, *box)
    return Part("text", None, text, *box)


def _is_heading(group: Sequence[Row], text: str) -> bool:
    """Few lines, a word at least, and no row of a table."""
    if len(group) > 4 or len(text) > 240 or not _WORD.search(text):
        return False
    return not any(row.gaps for row in group) or bool(_SECTION.match(text))


def _flow(group: Sequence[Row], edge: float, page: PageStyle) -> str:
    """The rows as one text: full lines run on, short ones keep their line break."""
    if len(group) == 1:
        return group[0].text
    edge = min(edge, _own_edge(group))
    out = group[0].text
    for previous, row in pairwise(group):
        last = out[-1:]
        if last and last in _MARKS and not previous.gaps:
            out = _join_word(out, row.text, page.options.dehyphenate, page.text)
        elif previous.gaps or row.gaps or not _runs_on(previous, row, edge):
            out += "\n" + row.text
        elif _NO_SPACE.match(last) and _NO_SPACE.match(row.text):
            out += row.text
        else:
            out += " " + row.text
    return out


def _own_edge(group: Sequence[Row]) -> float:
    """Where the lines of a justified paragraph end; infinite where they end here and there."""
    ends = [row.right for row in group[:-1]]
    edge = max(ends)
    full = sum(end > edge - 0.5 * group[0].size for end in ends)
    return edge if len(ends) > 2 and full > 0.7 * len(ends) else float("inf")


def _runs_on(previous: Row, row: Row, edge: float) -> bool:
    """Whether the first word of `row` would not have fitted at the end of `previous`."""
    word = row.text.split(" ", 1)[0]
    return previous.right + (0.5 * len(word) + 0.8) * previous.size > edge


def _join_word(out: str, following: str, dehyphenate: bool, known: str) -> str:
    """`out`, which ends in a hyphen, and the line that follows."""
    mark = out[-1]
    stem = out[:-1]
    if not dehyphenate:
        return stem + ("-" if mark == "\ufffe" else mark) + "\n" + following
    head = re.search(r"[^\W\d_]+$", stem)
    tail = re.match(r"[^\W\d_]+", following)
    if not head or not tail:
        return stem + ("" if mark == "\xad" else "-") + following
    compound = f"{head.group()}-{tail.group()}"
    if mark != "\xad" and (not tail.group()[0].islower() or compound in known) and not head.group().isupper():
        return f"{stem}-{following}"
    return stem + following


def size_shares(words: Words) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Font sizes of the page, rounded to half points, and the share of characters in each."""
    weight = (words.last - words.first).astype(np.float64)
    by_size = np.bincount(np.rint(words.size * 2).astype(np.intp), weights=weight)
    found = by_size.nonzero()[0]
    counts = by_size[found]
    return found / 2, counts / max(counts.sum(), 1.0)


def heading_sizes(sizes: NDArray[np.float64], shares: NDArray[np.float64], body: float) -> list[float]:
    """Sizes that mark headings, largest first; sizes within 4 % of each other are one."""
    levels: list[float] = []
    for size in sizes[(sizes >= MIN_HEADING * body) & (shares < 0.3)][::-1].tolist():
        if not levels or size < 0.96 * levels[-1]:
            levels.append(size)
    return levels[:MAX_LEVELS]


def by_share(turns: NDArray[np.intp]) -> list[int]:
    """The directions of text that occur, the most frequent first."""
    counts = np.bincount(turns, minlength=4).tolist()
    return sorted((turn for turn in range(4) if counts[turn]), key=lambda turn: -counts[turn])
