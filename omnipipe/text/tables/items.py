"""Where lists of items may be that no lines show: a head of several words, and below it rows with amounts."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.amounts import at_end, is_sure_amount
from omnipipe.text.tables.gaps import by_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.tables.gaps import Rows

_LEAST = 3
"""Texts of a head, and of the row of an item."""
_FAR = 5.0
"""Font sizes between the baselines of a list at most."""
_NEXT = 8.0
"""The same before an item that has its texts at the places of the first one."""
_TIGHT = 1.5
"""Font sizes between the baselines of the lines of one cell at most."""
_LEADING = 1.35
"""Those of a heading."""
_LOOSE = 2.2
"""The same where other items have such lines."""
_ABOVE = 4
"""Lines between the head and the first item at most."""
_MAX_DETAILS = 10
_MAX_HEADS = 5
_EDGE = 0.5
"""Font sizes; the ends of amounts are as near to each other."""
_BESIDE = 3.0
"""Font sizes between a heading and what stands below it at most, from side to side."""
_PRICE = re.compile(r"[-+–−]?\d{1,3}(?:[.,' ]?\d{3})*[.,]\d{1,4}")
_OVER = 6.0
"""Font sizes that the names of sums may start left of the items, at most."""
_UNLIKE = re.compile(r"[:\uff1a]\s*\S|[<>{}|=]")
"""What no heading of a list has: values after their names, signs of code."""
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]")


class ItemList(NamedTuple):
    """A list: its pieces row by row, how many rows are its head, and which of the others are items or sums; `is_sure`
    where there are amounts."""

    rows: list[list[int]]
    heads: int
    is_item: list[bool]
    is_sure: bool = True


class _Lines:
    """The rows of a page, as lists ask for them."""

    def __init__(self, pieces: Pieces, text: str, numbers: NDArray[np.intp], rows: Rows) -> None:
        self.em = median(pieces.size)
        self.base = rows.base.tolist()
        self.left, self.right = pieces.left.tolist(), pieces.right.tolist()
        self.numbers = numbers.tolist()
        ends = (rows.starts + rows.num_pieces).tolist()
        order, left = rows.order.tolist(), self.left
        self.rows = [sorted(order[a:b], key=left.__getitem__) for a, b in zip(rows.starts.tolist(), ends, strict=True)]
        self.has_amounts = True
        self._text, self._first, self._last = text, pieces.first.tolist(), pieces.last.tolist()

    def text_of(self, piece: int) -> str:
        return " ".join(self._text[self._first[piece] : self._last[piece]].split())

    def is_item(self, row: int) -> bool:
        """Whether `row` has a text, an amount and another number, or three numbers with one amount; without amounts,
        as notes of delivery have them, four texts of which two are numbers."""
        pieces = self.rows[row]
        if not self.has_amounts:
            return len(pieces) > _LEAST and sum(self.numbers[i] > 0 for i in pieces) > 1
        if len(pieces) < _LEAST or sum(self.numbers[i] > 0 for i in pieces) < 2:
            return False
        texts = [self.text_of(i) for i in pieces[1:]]
        return any(is_sure_amount(text) or _PRICE.fullmatch(text) for text in texts)

    def is_amount(self, piece: int) -> bool:
        """Whether a piece is an amount, or ends in one."""
        text = self.text_of(piece)
        return is_sure_amount(text) or bool(_PRICE.fullmatch(text)) or at_end(text) is not None

    def is_head(self, row: int, item: int) -> bool:
        """Whether `row` has words without digits over most texts of `item`."""
        pieces = self.rows[row]
        texts = [self.text_of(i) for i in pieces]
        if len(pieces) < _LEAST or any(_DIGIT.search(text) for text in texts):
            return False
        if sum(bool(_LETTERS.search(text)) for text in texts) < _LEAST or any(map(_UNLIKE.search, texts)):
            return False
        over = {self._below(i, item) for i in pieces} - {None}
        return len(over) >= max(_LEAST, 0.6 * len(self.rows[item]))

    def opens_list(self, row: int) -> bool:
        """Whether `row` is the head of another list."""
        if len(self.rows[row]) < _LEAST or self.is_item(row):
            return False
        after = next((k for k in range(row + 1, min(row + 1 + _ABOVE, len(self.rows))) if self.is_item(k)), None)
        return after is not None and self.is_head(row, after)

    def is_like(self, row: int, item: int) -> bool:
        """Whether `row` has an item with texts at the places of those of `item`."""
        if not self.is_item(row):
            return False
        pieces = self.rows[item]
        over = [
            any(self.right[i] > self.left[k] and self.left[i] < self.right[k] for i in pieces) for k in self.rows[row]
        ]
        return sum(over) >= max(_LEAST, len(pieces) - 1)

    def is_in_line(self, row: int, known: Sequence[int]) -> bool:
        """Whether most texts of `row` start or end where one of `known` does."""
        near = _EDGE * self.em
        fit = [
            any(abs(self.left[i] - self.left[k]) < near or abs(self.right[i] - self.right[k]) < near for k in known)
            for i in self.rows[row]
        ]
        return 2 * sum(fit) >= len(fit)

    def may_name(self, row: int, head: int) -> bool:
        """Whether `row` may be a line of the headings of `head`: without digits, and no title at its left."""
        pieces = self.rows[row]
        if any(_DIGIT.search(self.text_of(i)) for i in pieces):
            return False
        return len(pieces) > 1 or self.left[pieces[0]] > self.right[self.rows[head][0]]

    def _below(self, head: int, item: int) -> int | None:
        """The text of the row `item` that stands most below a text of the head."""
        shared = [
            (min(self.right[i], self.right[head]) - max(self.left[i], self.left[head]), i) for i in self.rows[item]
        ]
        most, found = max(shared)
        return found if most > -_BESIDE * self.em else None


def item_lists(pieces: Pieces, text: str, numbers: NDArray[np.intp]) -> list[ItemList]:
    """The lists of items among `pieces`, from their head to their last amount, and the lines that say more of it.

    `text` is the page's, `numbers` counts those in each of `pieces`.
    """
    if len(pieces.left) < 2 * _LEAST or np.count_nonzero(numbers) < 2:
        return []
    rows = by_rows(pieces)
    if np.count_nonzero(rows.num_pieces >= _LEAST) < 2:
        return []
    lines = _Lines(pieces, text, numbers, rows)
    rich = (rows.num_pieces >= _LEAST).nonzero()[0].tolist()
    found = _lists(lines, rich)
    if not found:
        lines.has_amounts = False
        found = [one._replace(is_sure=False) for one in _lists(lines, rich) if sum(one.is_item) > 1]
    return found


def _lists(lines: _Lines, rich: Sequence[int]) -> list[ItemList]:
    """The lists that start in rows of several texts, `rich`."""
    found: list[ItemList] = []
    done = 0
    for row in rich:
        if row < done or not lines.is_item(row):
            continue
        head = _head_above(lines, row, done)
        if head is not None:
            made, done = _list_from(lines, head, row)
            found += [made] if made else []
    return found


def is_centred(found: ItemList, pieces: Pieces, lines: Rulings) -> bool:
    """Whether texts stand above the middle of their item, as lines drawn between the items show."""
    base = [float(base_of(pieces)[row].max()) for row in found.rows[found.heads :]]
    items = [k for k, one in enumerate(found.is_item) if one]
    inside = [i for row in found.rows[found.heads :] for i in row]
    left, right = float(pieces.left[inside].min()), float(pieces.right[inside].max())
    flat = lines.horizontal
    across = np.sort(flat[(flat[:, 1] < right) & (flat[:, 2] > left), 0])
    at = np.searchsorted(across, base).tolist()
    return any(b - a > 1 and at[a] < at[a + 1] and at[b - 1] == at[b] for a, b in pairwise(items))


def _head_above(lines: _Lines, item: int, least: int) -> int | None:
    above = _ABOVE if lines.has_amounts else 0
    for row in range(item - 1, max(least, item - 1 - above) - 1, -1):
        if lines.base[row + 1] - lines.base[row] > _FAR * lines.em or lines.is_item(row):
            return None
        if lines.is_head(row, item):
            return row
    return None


def _list_from(lines: _Lines, head: int, item: int) -> tuple[ItemList | None, int]:
    """The list with these rows, and the row after it; no list where others like its items follow."""
    em = lines.em
    inside = lines.rows[head] + lines.rows[item]
    left, right = min(lines.left[i] for i in inside) - em, max(lines.right[i] for i in inside) + em
    end = max((i for i in lines.rows[item] if lines.numbers[i]), key=lines.right.__getitem__)
    stops, amount = [lines.right[i] for i in lines.rows[item] if lines.is_amount(i)], lines.left[end]
    kinds = {item: True}
    last = item
    for row in range(item + 1, len(lines.rows)):
        here = [i for i in lines.rows[row] if lines.left[i] < right and lines.right[i] > left]
        step = lines.base[row] - lines.base[row - 1]
        if (
            not here
            or row - last > _MAX_DETAILS
            or lines.opens_list(row)
            or step > (_NEXT if lines.is_like(row, item) else _FAR) * em
        ):
            break
        if any(lines.left[i] < left - _OVER * em or lines.right[i] > right for i in here):
            break
        if len(here) >= _LEAST and not lines.is_item(row) and not lines.is_in_line(row, inside):
            break
        sums = [i for i in here if lines.is_amount(i) and (len(here) > 1 or at_end(lines.text_of(i)))]
        ends = [i for i in sums if any(abs(lines.right[i] - stop) < _EDGE * em for stop in stops)]
        kinds[row] = bool(ends) or lines.is_item(row)
        if kinds[row]:
            last = row
            stops += [lines.right[i] for i in sums if i not in ends]
        elif len(here) == 1 and lines.left[here[0]] < amount - em and lines.right[here[0]] > amount - 0.5 * em:
            break
    after = _with_details(lines, (head, item, last), amount)
    if _goes_on(lines, after):
        return None, after + 1
    kinds |= dict.fromkeys(range(last + 1, after + 1), False)
    last = after
    top = _top_of(lines, head, (left, right))
    first = _below_head(lines, head, item)
    inner = {
        row: [i for i in lines.rows[row] if lines.left[i] < right and lines.right[i] > left]
        for row in range(top, last + 1)
    }
    # Rows between the head and the first item may stand beside the list.
    kept = [row for row, here in inner.items() if here]
    return ItemList(
        [inner[row] for row in kept],
        sum(row < first for row in kept),
        [kinds.get(row, False) for row in kept if row >= first],
    ), last + 1


def _goes_on(lines: _Lines, last: int) -> bool:
    """Whether a row of several numbers follows right below."""
    if last + 1 == len(lines.rows) or lines.base[last + 1] - lines.base[last] > _LOOSE * lines.em:
        return False
    after = lines.rows[last + 1]
    return len(after) >= _LEAST and any(lines.numbers[i] > 0 for i in after)


def _below_head(lines: _Lines, head: int, item: int) -> int:
    """The row below the headings of `head`: others that are as tight may be part of them."""
    for row in range(head + 1, item):
        if lines.base[row] - lines.base[row - 1] > _LEADING * lines.em or not lines.may_name(row, head):
            return row
    return item


def _with_details(lines: _Lines, reach: tuple[int, int, int], amount: float) -> int:
    """The last of the lines below the last row of `reach` (those of the head, the first and the last item) that say
    more of it: left of the `amount`s, below a text of the list; tight, or as many as other items have."""
    head, item, last = reach
    if len(lines.rows[last]) < _LEAST:
        return last
    rows = [head, *(row for row in range(item, last + 1) if len(lines.rows[row]) >= _LEAST)]
    inside = [i for row in range(head, last + 1) for i in lines.rows[row]]
    sides = [lines.left[i] for i in inside], [lines.right[i] for i in inside]
    known = max((b - a - 1 for a, b in pairwise(rows[1:])), default=0)
    for row in range(last + 1, min(last + 1 + _MAX_DETAILS, len(lines.rows))):
        step = lines.base[row] - lines.base[row - 1]
        if step > (_LOOSE if row - last <= known else _TIGHT) * lines.em:
            return row - 1
        if not all(_is_below(lines, i, sides, amount) for i in lines.rows[row]):
            return row - 1
    return min(last + _MAX_DETAILS, len(lines.rows) - 1)


def _is_below(lines: _Lines, piece: int, sides: tuple[list[float], list[float]], amount: float) -> bool:
    """Whether `piece` starts or ends where others do, left of the `amount`s or below them."""
    left, right, near = lines.left[piece], lines.right[piece], _EDGE * lines.em
    if right > amount - near:
        return left > amount - 2 * near and any(abs(end - right) < near for end in sides[1])
    return any(abs(start - left) < near for start in sides[0])


def _top_of(lines: _Lines, head: int, reach: tuple[float, float]) -> int:
    """The first line of the headings of `head`: those above it are as tight."""
    top = head
    for row in range(head - 1, max(head - _MAX_HEADS, -1), -1):
        is_tight = lines.base[row + 1] - lines.base[row] < _LEADING * lines.em
        is_out = any(lines.left[i] < reach[0] or lines.right[i] > reach[1] for i in lines.rows[row])
        if not is_tight or is_out or not lines.may_name(row, head):
            break
        top = row
    return top
