"""The table of a list of items: columns from the rows of the items, cells of several lines."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.amounts import at_end
from omnipipe.text.tables.build import Read, Table
from omnipipe.text.tables.cells import join_lines
from omnipipe.text.tables.columns import JOIN
from omnipipe.text.tables.markup import TableCell, to_html, to_pipes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.build import TableReader
    from omnipipe.text.tables.items import ItemList
    from omnipipe.text.tables.regions import Region

    Span = tuple[float, float]

_is_number = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*").fullmatch
_is_sure = re.compile(r"[-+–−(]?\d[\d.,'’]*(?:[.,]\d{2}\)?|%)").fullmatch
_CLOSE = 0.35
"""Font sizes between words at most."""
_APART = 2.2
"""Font sizes between the baselines of a cell's lines at most."""
_BESIDE = 3.0
"""Font sizes between a heading and the texts of its column at most, from side to side."""
_EVEN = 0.03
"""Font sizes between the widths of characters in a font of fixed width at most."""
_NEAR = 1.0
"""Font sizes between words below one heading at most."""
_LEAST = 3
"""Columns."""
_MAX_SHARED = 0.34
"""Of the rows of items: those with two texts in one column at most."""


def read_items(reader: TableReader, found: ItemList, region: Region, pieces: NDArray[np.intp]) -> Read:
    """The table of the list `found`; `pieces` are the numbers that the reader's pieces have, for those of the list."""
    inside = np.zeros(reader.num_pieces, bool)
    lines, words = [], []
    for k, row in enumerate(found.rows):
        here = np.zeros(reader.num_pieces, bool)
        here[pieces[row]] = True
        inside |= here
        single = reader.runs(region, here, gap=-1.0)
        runs = reader.runs(region, here, _after_numbers(single, reader.text), reader.word_gap) if single else None
        if single is None or runs is None:
            return Read(None, "none", inside)
        lines.append(runs)
        words += [single] if k < found.heads else []
    if (reader.word_gap == JOIN or not found.is_sure) and _is_fixed_width(lines):
        # Output of programs among text in other fonts is left as it is.
        return Read(None, "none", inside)
    read = item_cells(lines, words, found.is_item, reader.text, dehyphenate=reader.style.dehyphenate)
    if read is None:
        return Read(None, "none", inside)
    cells, num_rows, num_columns = read
    html = to_html(cells, num_rows, 1)
    box = region.left, region.top, region.right, region.bottom
    return Read(Table(box, to_pipes(cells, num_rows, num_columns) or html, html), "table", inside)


def item_cells(
    lines: Sequence[Pieces], words: Sequence[Pieces], is_item: Sequence[bool], text: str, *, dehyphenate: bool
) -> tuple[list[TableCell], int, int] | None:
    """The cells of a list, how many rows and columns it has; None where its rows have no columns in common.

    `lines` are its lines as runs, `words` those of its head, which come first, as single words; `is_item` says for each
    of the others whether it is a row of its own.
    """
    heads = len(words)
    items = [line for line, one in zip(lines[heads:], is_item, strict=True) if one]
    full = [line for line in items if len(line.left) >= _LEAST]
    em = median(np.concatenate([line.size for line in lines]))
    columns = _columns(full, lines[:heads], text, em)
    if len(columns) < _LEAST:
        return None
    shared = sum(len({_column(span, columns) for span in _spans(line)}) < len(line.left) for line in full)
    if shared > _MAX_SHARED * len(full):
        return None
    rows: list[list[list[tuple[int, str]]]] = [[]]
    for group in _groups(lines, heads, is_item, columns, text):
        rows.append([])
        rows[-1] += [
            _placed(lines[k], columns, text) if k >= heads else _placed_heads(lines[k], words[k], columns, text)
            for k in group
        ]
    rows = [row for row in rows if row]
    _settle_sums(rows)
    cells = []
    for r, row in enumerate(rows):
        for c in range(len(columns)):
            found = [" ".join(string for column, string in line if column == c) for line in row]
            cells.append(TableCell(r, c, 1, 1, join_lines([one for one in found if one], dehyphenate)))
    return cells, len(rows), len(columns)


def _after_numbers(words: Pieces, text: str) -> NDArray[np.intp]:
    """The words of a line that are numbers with cents or per cent, as the word before them that stands further off
    than words do."""
    order = np.argsort(words.left, kind="stable")
    left, right, size = words.left[order], words.right[order], words.size[order]
    is_sure = np.array(
        [bool(_is_sure(text[a:b].strip())) for a, b in zip(words.first[order], words.last[order], strict=True)], bool
    )
    apart = is_sure[1:] & is_sure[:-1] & (left[1:] - right[:-1] > _CLOSE * size[1:])
    found: NDArray[np.intp] = words.word[order][1:][apart]
    return found


def _settle_sums(rows: list[list[list[tuple[int, str]]]]) -> None:
    """Puts the names of sums, which stand right of the first column, into one column; changes `rows`."""
    sums = [row for row in rows[1:] if len(row) == 1 and len(row[0]) == 2 and row[0][0][0] > 0]
    places = [row[0][0][0] for row in sums]
    if not places:
        return
    column = max(places, key=lambda place: (places.count(place), place))
    for row in sums:
        (_, name), (last, amount) = row[0]
        if column < last:
            row[0] = [(column, name), (last, amount)]


def _is_fixed_width(lines: Sequence[Pieces]) -> bool:
    """Whether all characters are of one width."""
    width = np.concatenate([(line.right - line.left) / line.size for line in lines])
    count = np.concatenate([line.last - line.first for line in lines])
    known = (width / count)[count > 2]
    return len(known) > 2 and float(known.max() - known.min()) < _EVEN


def _spans(line: Pieces) -> list[Span]:
    return list(zip(line.left.tolist(), line.right.tolist(), strict=True))


def _columns(items: Sequence[Pieces], heads: Sequence[Pieces], text: str, em: float) -> list[Span]:
    """Where texts of `items` stand that overlap, and headings that stand over none."""

    def numeric(column: Span) -> bool:
        found = [string for line in items for k, string in _placed(line, columns, text) if columns[k] == column]
        return all(map(_is_number, map(str.strip, found)))

    columns: list[Span] = []
    for span in sorted(span for line in items for span in _spans(line)):
        if columns and span[0] < columns[-1][1] - 0.1 * em:
            columns[-1] = columns[-1][0], max(columns[-1][1], span[1])
        else:
            columns.append(span)
    spans = [span for line in heads for span in _spans(line)]
    for k in range(len(columns) - 1, 0, -1):
        # Words of one column, as they stand below one heading.
        is_one = any(a < columns[k - 1][1] and b > columns[k][0] for a, b in spans)
        is_one |= not any(_gap(span, columns[k]) < 0 for span in spans)
        if is_one and columns[k][0] - columns[k - 1][1] < _NEAR * em and not numeric(columns[k]):
            columns[k - 1 : k + 1] = [(columns[k - 1][0], columns[k][1])]
    headed = {k for k, column in enumerate(columns) if any(_gap(span, column) < 0 for span in spans)}
    named, alone = list(columns), []
    for span in spans:
        near = _column(span, columns)
        gap = _gap(span, columns[near])
        if gap > 0.3 * em and (near in headed or gap > _BESIDE * em):
            alone.append(span)
        elif gap > 0:
            # A heading beside the texts of its column.
            named[near] = min(named[near][0], span[0]), max(named[near][1], span[1])
    # Others are those of columns without texts in the lines of items.
    for span in sorted(alone):
        if not any(_gap(span, column) < 0.3 * em for column in named):
            named.append(span)
    return sorted(named)


def _gap(one: Span, other: Span) -> float:
    return max(one[0], other[0]) - min(one[1], other[1])


def _column(span: Span, columns: Sequence[Span]) -> int:
    """The column that most of `span` stands in, or the nearest one."""
    return min(range(len(columns)), key=lambda k: (_gap(span, columns[k]), k))


def _placed(line: Pieces, columns: Sequence[Span], text: str) -> list[tuple[int, str]]:
    """The texts of `line` from left to right, each with its column; a text of several words over several columns is
    that of the first."""
    spans = _spans(line)
    strings = [text[a:b] for a, b in zip(line.first.tolist(), line.last.tolist(), strict=True)]
    out: list[tuple[int, str]] = []
    for span, string in sorted(zip(spans, strings, strict=True)):
        column, cut = _column(span, columns), at_end(string.rstrip())
        last = max((k for k in range(1, len(columns)) if _gap(span, columns[k]) < 0), default=column)
        if cut is not None and len(spans) == 1 and last > 0:
            # The name of a sum and its amount.
            out += [(last - 1, string[:cut]), (last, string[cut:])]
        else:
            out.append((column, string))
    return out


def _placed_heads(line: Pieces, words: Pieces, columns: Sequence[Span], text: str) -> list[tuple[int, str]]:
    """As `_placed`, headings over several columns parted at the words nearest to each."""
    out: list[tuple[int, str]] = []
    spans, strings = _spans(line), _placed(line, columns, text)
    for span, one in zip(sorted(spans), strings, strict=True):
        if sum(_gap(span, column) < 0 for column in columns) < 2:
            out.append(one)
            continue
        inner = words.take(((words.left >= span[0] - 0.01) & (words.right <= span[1] + 0.01)).nonzero()[0])
        out += _placed(inner, columns, text)
    return out


def _groups(
    lines: Sequence[Pieces], heads: int, is_item: Sequence[bool], columns: Sequence[Span], text: str
) -> list[list[int]]:
    """The lines of each row: those of the head, then each item with what is said of it below."""
    em = median(np.concatenate([line.size for line in lines]))
    base = [float(base_of(line).max()) for line in lines]
    step = [below - above for above, below in pairwise(base)]
    groups = [list(range(heads))]
    items = [heads + k for k, one in enumerate(is_item) if one]
    groups += [[k] for k in range(heads, items[0])]
    for item, after in pairwise([*items, len(lines)]):
        details = list(range(item + 1, after))
        groups.append([item])
        if not details:
            continue
        above, below = step[item], step[after - 1] if after < len(lines) else float("inf")
        is_tight = all(step[k - 1] < _APART * em for k in details)
        first = _column(_spans(lines[item + 1])[0], columns)
        # What stands as near to the next item may be its title.
        is_title = first == 0 and above > below - 0.1 * em
        known = _numbers(lines[item], columns, text)
        is_row = any(known & _numbers(lines[k], columns, text) for k in details)
        if is_tight and not is_title and not is_row and len(lines[item].left) >= _LEAST:
            groups[-1] += details
        else:
            groups += [[k] for k in details]
    return groups


def _numbers(line: Pieces, columns: Sequence[Span], text: str) -> set[int]:
    """The columns with numbers."""
    return {column for column, string in _placed(line, columns, text) if _is_number(string.strip())}
