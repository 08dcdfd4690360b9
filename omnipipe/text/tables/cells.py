"""The cells of one table with their texts."""

from __future__ import annotations

import re
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.paragraphs import breaks_range
from omnipipe.text.tables.markup import TableCell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.tables.grid import Grid
    from omnipipe.text.words.chars import Words

LEADERS = ".·_…"
"""Signs that lead from one column to the next in rows."""
_LEADER_SIGNS = tuple(map(ord, LEADERS))
_NOTHING = np.zeros(0, bool)
_LEADERS = re.compile(r"(?:\s*[.·_…]){4,}\s*$")
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\uffff]")
_LONE = re.compile("[\\ud800-\\udfff]")
_UNWANTED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\uffff\\ud800-\\udfff]")
_UNUSUAL = re.compile("[^\\x20-\\x7e\xa1-\xac\xae-\u167f\u2010-\u2027\u2030-\u205e]|  ")
"""What is no plain text of one space between words; other scripts count as such."""
_lines_of = attrgetter("lines")
_new_cell = partial(tuple.__new__, TableCell)
"""As `TableCell`, in half of its time."""

_BREAKS_WORD = re.compile("[\ufffe\xad]\n[^\\W\\d_]|[^\\W\\d_]\u2010\n[a-z\xdf-\xf6\xf8-\xff]")
"""The last two letters of a line, and the first one of the next."""


def to_cells(grid: Grid, strings: list[str], *, dehyphenate: bool, rtl: bool) -> list[TableCell]:
    """The cells of `grid` with their texts, from those of its runs; from right to left with `rtl`."""
    if not grid.cells:
        return []
    whole = " ".join([*strings, ""])
    unusual = _unusual(strings, whole)
    plain = strings
    if any(f"{sign} " in whole for sign in LEADERS):
        plain = [_LEADERS.sub("", text) if text[-1:] in LEADERS else text for text in strings]
    order = -1 if rtl else 1
    # Most cells are one run.
    texts = [
        ""
        if not lines
        else plain[lines[0][0]]
        if len(lines) == 1 and len(lines[0]) == 1 and lines[0][0] not in unusual
        else _cleaned(join_lines([" ".join([strings[run] for run in line[::order]]) for line in lines], dehyphenate))
        for lines in map(_lines_of, grid.cells)
    ]
    cells = list(map(_new_cell, zip(*list(zip(*grid.cells, strict=True))[:4], texts, strict=True)))
    if not rtl:
        return cells
    num = grid.num_columns
    return sorted(cell._replace(column=num - cell.column - cell.columns) for cell in cells)


def _unusual(strings: list[str], whole: str) -> set[int]:
    """Which of `strings` are no plain text; `whole` is all of them, each with a space behind it."""
    if not _UNUSUAL.search(whole, 0, len(whole) - 1):
        return set()
    return {k for k, text in enumerate(strings) if _UNUSUAL.search(f" {text} ")}


def _cleaned(text: str) -> str:
    if text[-1:] in LEADERS:
        text = _LEADERS.sub("", text)
    text = text.replace("\ufffe", "-")
    return _LONE.sub("\ufffd", _CONTROL.sub("", text)) if _UNWANTED.search(text) else text


def join_lines(lines: list[str], dehyphenate: bool) -> str:
    """The lines of a cell as one text."""
    out = ""
    for line in lines:
        line = " ".join(line.split())
        if not out or not line:
            out += line
        elif dehyphenate and _BREAKS_WORD.search(f"{out[-2:]}\n{line[0]}"):
            out = out[:-1] + line
        elif breaks_range(out, line):
            out += line
        elif out[-1] in "\ufffe\xad-":
            out = (out[:-1] + "-" if out[-1] != "-" else out) + line
        else:
            out += " " + line
    return out


def leader_dots(words: Words) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which words are one dot of those that lead to the next column, and which are several; twice the same where there
    are hardly any dots."""
    if words.text.count(".") + words.text.count("_") < 4:
        return _NOTHING, _NOTHING
    units = words.units
    if len(words.text) != len(units):
        units = np.frombuffer(words.text.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = units[np.concatenate((words.first, words.last - 1))]
    is_dot = np.zeros(len(ends), bool)
    for sign in _LEADER_SIGNS:
        is_dot |= ends == sign
    dots = is_dot[: len(words.first)] & is_dot[len(words.first) :]
    length = words.last - words.first
    single, long = dots & (length == 1), dots & (length > 3)
    return (single, long) if np.count_nonzero(single) > 1 or long.any() else (_NOTHING, _NOTHING)
