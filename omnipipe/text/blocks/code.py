"""Code: lines in a font of fixed width, with their breaks and indents."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.order import Column, to_column
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.part import Part
from omnipipe.text.style import MONO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omnipipe.text.blocks.rows import PageStyle, Row
    from omnipipe.text.lines.pieces import Pieces

_SIGNS = re.compile(r"[{}()\[\];=<>_#/\\$|&:]|->|\.\w")
_PROGRAM = re.compile(r"[{}\[\];=<>\\|&]|->|\w_\w")
"""Signs that letters and forms from a typewriter lack."""
_ADDRESS = re.compile(r"[\w})]@[\w.-]+\.\w|://|\bwww\.|\w\.(?:com|org|net|edu|gov)\b")
_COMMENT = re.compile(r"//|#|--|;|%|/\*|\(\*|REM\b|!")
_MIN_COMMENTS = 3
"""Lines that start as comments do, from which they are a column of comments."""

_MAX_COLUMN = 200


def has_code(counts: Sequence[float], text: str) -> bool:
    """Whether fixed width means code on a page: it is not the font of most of the text, or most lines have signs.

    `counts` are the characters of each style, `text` all of the page.
    """
    mono = sum([count for style, count in enumerate(counts) if style & MONO])
    if mono < 0.6 * sum(counts):
        return mono > 0
    lines = text.splitlines()
    return 2 * sum([bool(_PROGRAM.search(line)) for line in lines]) > len(lines)


def join_comments(columns: list[Column], pieces: Pieces, page: PageStyle) -> list[Column]:
    """`columns` in reading order, comments that stand in a column of their own in the lines of code that they are of.

    What goes on with the code right below both is joined as well.
    """
    if not page.codes:
        return columns
    out: list[Column] = []
    joined = False
    for column in columns:
        above = out[-1] if out else None
        if above is None or not (_is_fixed(above, pieces, page) and _is_fixed(column, pieces, page)):
            joined = False
        elif (joined and _is_below(above, column, pieces)) or _are_comments(above, column, pieces, page.text):
            joined = True
            column = to_column(pieces, np.sort(np.concatenate((out.pop().pieces, column.pieces))), rtl=False)
        else:
            joined = False
        out.append(column)
    return out


def _is_fixed(column: Column, pieces: Pieces, page: PageStyle) -> bool:
    """Whether all of a column is of fixed width."""
    here = pieces.word[column.pieces].tolist()
    full = (pieces.last > pieces.first)[column.pieces]
    return np.count_nonzero(full) == len(full) and all(
        word < len(page.styles) and page.styles[word] & MONO for word in here
    )


def _are_comments(code: Column, column: Column, pieces: Pieces, text: str) -> bool:
    """Whether the lines of `column` stand to the right of lines of `code`, and start as comments do."""
    starts = pieces.first[column.pieces[column.starts]].tolist()
    comments = sum(bool(_COMMENT.match(text, start)) for start in starts)
    if len(starts) < _MIN_COMMENTS or comments < 0.8 * len(starts):
        return False
    if pieces.left[column.pieces].min() < pieces.right[code.pieces].max():
        return False
    base, lines = (base_of(pieces.take(one.pieces[one.starts])) for one in (column, code))
    apart = np.abs(base[:, None] - lines[None, :]).min(axis=1)
    return int(np.count_nonzero(apart < 0.3 * pieces.size[column.pieces[0]])) >= 0.8 * len(base)


def _is_below(above: Column, column: Column, pieces: Pieces) -> bool:
    """Whether `column` starts in the line after `above`, under it."""
    gap = float(pieces.top[column.pieces].min() - pieces.bottom[above.pieces].max())
    em = float(pieces.size[column.pieces[0]])
    return -0.5 * em < gap < em and bool(pieces.left[column.pieces].min() < pieces.right[above.pieces].max())


def code_runs(rows: Sequence[Row], edge: float, page: PageStyle) -> Iterator[tuple[bool, list[Row]]]:
    """The rows of a column that ends at `edge` in runs, each with whether it is code.

    Lines of fixed width that are no code are runs of their own, where they do not go on with a paragraph.
    """
    text: list[Row] = []
    for fixed, run in groupby(rows, key=lambda row: _is_code_row(row, page)):
        group = list(run)
        has_code = fixed and _is_code(group)
        if not has_code and not (fixed and _is_display(group, text[-1] if text else None, edge)):
            text += group
            continue
        if text:
            yield False, text
            text = []
        yield has_code, group
    if text:
        yield False, text


def _is_display(group: Sequence[Row], previous: Row | None, edge: float) -> bool:
    """Whether rows of fixed width stand apart from the text before them."""
    first = group[0]
    if not all(row.style & MONO for row in group):
        return False
    if previous is None:
        return True
    em = max(first.size, previous.size)
    goes_on = previous.right > edge - 3 * em and first.left < previous.left + 0.5 * em
    return not goes_on or first.bottom - previous.bottom > 1.5 * em


def _is_code_row(row: Row, page: PageStyle) -> bool:
    """Whether most of a row is of fixed width."""
    if row.style & MONO:
        return True
    first, last, styles = page.words.first, page.words.last, page.styles
    # Of the bits below that of fixed width none is.
    if all(max(styles[word : word + count], default=0) < MONO for word, count in row.spans):
        return False
    total = fixed = 0
    for word, count in row.spans:
        for i in range(word, min(word + count, len(styles))):
            length = int(last[i] - first[i])
            total += length
            fixed += length if styles[i] & MONO else 0
    return fixed > 0.6 * total


def _is_code(group: Sequence[Row]) -> bool:
    """Whether rows of fixed width are code: two at least, with signs or indents that running text lacks."""
    if len(group) < 2:
        return False
    # Prose about commands ends in words, with a mark.
    num_prose = sum([not row.style & MONO and row.text.endswith((".", ",", ":")) for row in group])
    if 2 * num_prose >= len(group):
        return False
    text = " ".join(row.text for row in group)
    if 2 * sum(bool(_ADDRESS.search(row.text)) for row in group) >= len(group):
        return False
    indents = len({round((row.left - group[0].left) / max(row.size, 0.1)) for row in group})
    signs = len(_SIGNS.findall(text))
    return signs > 0.03 * len(text) or (indents > 1 and signs > 0.015 * len(text))


def code_part(group: Sequence[Row], page: PageStyle) -> Part:
    """Rows as a fenced block, each word in the column of characters where it stands."""
    left = min(row.left for row in group)
    pitch = _pitch(group, page)
    lines: list[str] = []
    previous: Row | None = None
    for row in group:
        if previous is not None and row.bottom - previous.bottom > 2.3 * max(row.size, 0.1):
            lines.append("")
        lines.append(_code_line(row, page, left, pitch))
        previous = row
    fence = "```" if not any("```" in line for line in lines) else "~~~~"
    text = "\n".join([fence, *lines, fence])
    box = (left, min(r.top for r in group), max(r.right for r in group), max(r.bottom for r in group))
    return Part("code", None, text, *box, size=group[0].size)


def _code_line(row: Row, page: PageStyle, left: float, pitch: float) -> str:
    words = page.words
    line = ""
    end: float | None = None
    for word, count in row.spans:
        for i in range(word, word + count):
            string = words.text[words.first[i] : words.last[i]].replace("\ufffe", "-")
            if words.turn[i]:
                line += " " + string
                continue
            x0, x1 = float(words.box[i, 0]), float(words.box[i, 2])
            gap = None if end is None else (x0 - end) / pitch
            # Some programs space the letters of code out: half a character is no gap.
            if gap is None or gap > 1.7:
                wanted = round((x0 - left) / pitch)
                line = line.ljust(min(max(wanted, len(line) + (gap is not None)), _MAX_COLUMN))
            elif gap > 0.4:
                line += " "
            line += string
            end = x1
    return line.rstrip()


def _pitch(group: Sequence[Row], page: PageStyle) -> float:
    """The width of one character in points."""
    words = page.words
    which = [i for row in group for word, count in row.spans for i in range(word, word + count)]
    lengths = (words.last - words.first)[which]
    widths = (words.box[which, 2] - words.box[which, 0])[lengths > 2] / lengths[lengths > 2]
    if len(widths):
        return max(float(np.median(widths)), 0.1)
    return max(0.6 * group[0].size, 0.1)
