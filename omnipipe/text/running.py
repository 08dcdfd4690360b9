"""Running matter: heads, feet and page numbers, told from body text by place, form and repetition.

A page shows candidates at its top and bottom: bands of few rows that white over the full width parts from the rest.
Place and form decide most of them; what stays open is looked for on neighbouring pages, at the same height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from omnipipe.text.running_form import are_alike, has_form, has_letters, is_likely_number, is_note, page_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

Verdict = Literal["yes", "doubt", "no", "speck"]

_ZONE = 0.2
"""Share of the page's height that running matter keeps to, at the top and at the bottom."""

_PARTED = 0.3
"""White below this many ems is that between lines."""

_MAX_BANDS = 3
_MAX_PIECES = 16
_MAX_ROWS = 4
_MAX_CHARS = 200
_SAME_HEIGHT = 0.012
_SAMPLE_ROWS = 6


class Cells(NamedTuple):
    """Pieces of lines of one direction: arrays of one length.

    Lengths are shares of the page's height, across as well as down, from its top left corner as the text is upright;
    `size` is the font size.
    """

    left: NDArray[np.float32]
    top: NDArray[np.float32]
    right: NDArray[np.float32]
    bottom: NDArray[np.float32]
    size: NDArray[np.float32]


class OuterRow(NamedTuple):
    """A row near the edge: its pieces from left to right, their texts, its middle from the top of the page (0 to 1),
    how far its inner side is from the page's edge, and its size."""

    pieces: tuple[int, ...]
    texts: tuple[str, ...]
    middle: float
    reach: float
    size: float


class Band(NamedTuple):
    """Rows that belong together, the outermost first, and the white between them and what comes inside."""

    rows: tuple[OuterRow, ...]
    white: float
    is_table: bool


class Margins(NamedTuple):
    """What is compared between pages: middle (0 to 1 from the top) and texts of the outermost rows."""

    rows: tuple[tuple[float, tuple[str, ...]], ...]


class Edges(NamedTuple):
    """The bands at the top and bottom of a page from outside inwards, its rows for other pages, and its usual size."""

    head: tuple[Band, ...]
    foot: tuple[Band, ...]
    margins: Margins
    em: float
    num_pieces: int


class Found(NamedTuple):
    """Running matter: header, footer or page_number, and its pieces from left to right."""

    kind: str
    pieces: tuple[int, ...]


Sample = Callable[[], Sequence[tuple[int, Margins]]]
"""Other pages of the document, each with its distance in pages (negative before); called once at most."""


def find_edges(cells: Cells, text_of: Callable[[int], str], em: float) -> Edges:
    """What stands at the top and the bottom. `em` is the size of running text as a share of the page's height."""
    middle = (cells.top + cells.bottom) / 2
    across = (cells.left + cells.right) / 2
    kept = np.flatnonzero((middle > 0) & (middle < 1) & (across > 0))
    head, first = _bands(cells, kept, cells.top, cells.bottom, text_of, em)
    foot, last = _bands(cells, kept, 1 - cells.bottom, 1 - cells.top, text_of, em)
    rows = {row.pieces: (row.middle, row.texts) for row in (*first, *last)}
    return Edges(head, foot, Margins(tuple(rows.values())), em, len(kept))


def find_running(edges: Edges, sample: Sample | None = None) -> list[Found]:
    """The running matter of a page from top to bottom. `sample` is asked only where place and form leave it open."""
    sides = (("header", edges.head), ("footer", edges.foot))
    judged = [
        [[_judge(row, i, bands, edges.em) for row in bands[i].rows] for i in range(len(bands))] for _, bands in sides
    ]
    others: Sequence[tuple[int, Margins]] = ()
    if sample is not None and any(map(_is_open, judged)):
        others = [other for other in sample() if not _is_copy(edges.margins, other[1])]
    taken = [list(_taken(bands, verdicts, others)) for (_, bands), verdicts in zip(sides, judged, strict=True)]
    if sum(len(row.pieces) for rows in taken for row in rows) >= edges.num_pieces:
        # Nothing else stands on the page: then only what shows by itself what it is.
        taken = [list(_taken(bands, verdicts, ())) for (_, bands), verdicts in zip(sides, judged, strict=True)]
        if sum(map(len, taken)) < 2:
            return []
    head = [part for row in taken[0] for part in _split(row, "header")]
    return head + [part for row in reversed(taken[1]) for part in _split(row, "footer")]


def _taken(
    bands: Sequence[Band], verdicts: Sequence[Sequence[Verdict]], others: Sequence[tuple[int, Margins]]
) -> Iterator[OuterRow]:
    """The rows that are running matter, from outside inwards until one is not: what comes then is body text."""
    for band, judged in zip(bands, verdicts, strict=True):
        for row, verdict in zip(band.rows, judged, strict=True):
            if verdict == "yes" or (verdict == "doubt" and _repeats(row, others)):
                yield row
            elif verdict != "speck":
                return


def _is_open(judged: Sequence[Sequence[Verdict]]) -> bool:
    for band in judged:
        for verdict in band:
            if verdict in ("doubt", "no"):
                return verdict == "doubt"
    return False


def _split(row: OuterRow, kind: str) -> Iterator[Found]:
    """The row as one part, its page number apart."""
    numbers = [bool(page_number(text)) for text in row.texts]
    if sum(numbers) == 1:
        at = numbers.index(True)
        yield Found("page_number", row.pieces[at : at + 1])
        if len(numbers) > 1:
            yield Found(kind, row.pieces[:at] + row.pieces[at + 1 :])
    else:
        yield Found(kind, row.pieces)


def _bands(
    cells: Cells,
    kept: NDArray[np.intp],
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    text_of: Callable[[int], str],
    em: float,
) -> tuple[tuple[Band, ...], list[OuterRow]]:
    """The outer bands of one side, and the outermost rows. `near` and `far` are distances from that edge."""
    order = kept[np.argsort(near[kept], kind="stable")]
    if not len(order):
        return (), []
    ends = np.maximum.accumulate(far[order])
    white = np.append(near[order][1:] - ends[:-1], 1.0) / em
    cuts = np.flatnonzero(white > _PARTED)
    rows = _rows(cells, order[: _MAX_PIECES * 2], near, far, text_of)
    bands: list[Band] = []
    start = 0
    for cut in cuts[:_MAX_BANDS].tolist():
        inside = set(order[start : cut + 1].tolist())
        own = tuple(row for row in rows if row.pieces[0] in inside)
        if len(inside) > _MAX_PIECES or len(own) > _MAX_ROWS or ends[cut] > _ZONE:
            break
        following = next((row for row in rows if row.pieces[0] not in inside and row.reach > own[-1].reach), None)
        bands.append(Band(own, float(white[cut]), _is_table(cells, own, following)))
        start = cut + 1
    if not bands and rows and len(rows[0].pieces) == 1 and page_number(rows[0].texts[0]) and rows[0].reach < _ZONE:
        # Numbers may stand close to the text.
        bands.append(Band(rows[:1], 0.0, False))
    return tuple(bands), list(rows[:_SAMPLE_ROWS])


def _rows(
    cells: Cells,
    order: NDArray[np.intp],
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    text_of: Callable[[int], str],
) -> tuple[OuterRow, ...]:
    """The pieces of `order` by row."""
    groups: list[list[int]] = []
    reach = middle = 0.0
    for piece in order.tolist():
        start, end = float(near[piece]), float(far[piece])
        # A row is met again where most of the lower of two pieces lies beside it.
        if (
            groups
            and min(reach, end) - start > 0.5 * (end - start)
            and abs((start + end) / 2 - middle) < 0.5 * (end - start)
        ):
            groups[-1].append(piece)
        else:
            groups.append([piece])
            reach, middle = end, (start + end) / 2
    rows = []
    for group in groups[: 2 * _SAMPLE_ROWS]:
        group.sort(key=lambda piece: float(cells.left[piece]))
        where = np.array(group)
        rows.append(
            OuterRow(
                tuple(group),
                tuple(" ".join(text_of(piece).split()) for piece in group),
                float((cells.top[where].min() + cells.bottom[where].max()) / 2),
                float(far[where].max()),
                float(np.median(cells.size[where])),
            )
        )
    return tuple(rows)


def _is_table(cells: Cells, rows: Sequence[OuterRow], following: OuterRow | None) -> bool:
    """Whether the cells of the innermost row stand over (or under) cells of the row inside of it."""
    if following is None or len(rows[-1].pieces) < 2 or len(following.pieces) < 2:
        return False
    held = 0
    for piece in rows[-1].pieces:
        left, right = float(cells.left[piece]), float(cells.right[piece])
        held += any(
            float(cells.left[other]) < right
            and float(cells.right[other]) > left
            and float(cells.right[other] - cells.left[other]) < 2.5 * (right - left) + 0.02
            for other in following.pieces
        )
    return held >= max(2, len(rows[-1].pieces) - 1)


def _judge(row: OuterRow, index: int, bands: Sequence[Band], em: float) -> Verdict:
    band = bands[index]
    size = row.size / em
    text = " ".join(row.texts)
    if len(text) > _MAX_CHARS or size > 1.6 or not text:
        return "no"
    if not any(character.isalnum() for character in text):
        return "speck"
    numbers = [page_number(cell) for cell in row.texts]
    if len(numbers) == 1 and numbers[0]:
        return _judge_number(text, numbers[0], row, index, bands)
    if band.white < _PARTED:
        return "no"
    if band.is_table:
        return "doubt" if "explicit" in numbers else "no"
    if (
        _has_number_at_end(row, numbers)
        and row.reach < 0.15
        and (band.white > 0.8 or ("explicit" in numbers and band.white > 0.4))
    ):
        return "yes"
    if is_note(text):
        return "doubt"
    is_short = len(text) <= 130 and len(band.rows) <= 2
    if is_short and band.white > 1.0 and row.reach < 0.115 and size < 1.35 and has_form(text):
        return "yes"
    if len(band.rows) == 1 and len(text) <= 100 and size < 1.1:
        if row.reach < 0.045 and band.white > 2.5:
            return "yes"
        if row.reach < 0.08 and band.white > 1.5 and size < 0.85:
            return "yes"
    return "doubt"


def _judge_number(text: str, form: str, row: OuterRow, index: int, bands: Sequence[Band]) -> Verdict:
    white = bands[index].white
    if form == "explicit" and white > 0.15:
        return "yes"
    inner = bands[index + 1].rows[0] if index + 1 < len(bands) else None
    is_column = inner is not None and len(inner.texts) == 1 and page_number(inner.texts[0]) is not None
    if white > 0.5 and row.reach < 0.18 and is_likely_number(text) and not is_column:
        return "yes"
    return "doubt"


def _has_number_at_end(row: OuterRow, numbers: Sequence[str | None]) -> bool:
    """Whether a page number stands at one end of a row of words, or in its middle between two."""
    if not 2 <= len(row.texts) <= 4 or not any(has_letters(text) for text in row.texts):
        return False
    places = {0, len(numbers) - 1} | ({1} if len(numbers) == 3 else set())
    found = [i for i in places if numbers[i] == "explicit" or (numbers[i] and is_likely_number(row.texts[i]))]
    plain = [text for text, number in zip(row.texts, numbers, strict=True) if not number]
    return len(found) == 1 and all(has_letters(text) for text in plain)


def _repeats(row: OuterRow, others: Sequence[tuple[int, Margins]]) -> bool:
    """Whether some cell of the row is met on another page at the same height."""
    for distance, margins in others:
        for middle, texts in margins.rows:
            if abs(middle - row.middle) < _SAME_HEIGHT and any(
                are_alike(one, other, distance) for one in row.texts for other in texts
            ):
                return True
    return False


def _is_copy(one: Margins, other: Margins) -> bool:
    """Whether the other page is the same page once more, which says nothing of what is running."""
    return len(one.rows) > 7 and one.rows == other.rows


class Box(NamedTuple):
    """A line with its box in shares (0 to 1) of the upright page, for pages that were read by OCR."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def classify_margins(lines: Sequence[Box], *, aspect: float = 1.0) -> list[str | None]:
    """For each line header, footer or page_number; None where it is body text.

    `aspect` is the page's width by its height. Lines may be whole lines or parts of them.
    """
    if len(lines) < 2:
        return [None] * len(lines)
    boxes = np.nan_to_num(np.array([line[1:5] for line in lines], np.float32))
    height = np.maximum(boxes[:, 3] - boxes[:, 1], 1e-4)
    # Boxes of lines are higher than the type is large.
    size = (0.8 * height).astype(np.float32)
    cells = Cells(boxes[:, 0] * aspect, boxes[:, 1], boxes[:, 2] * aspect, boxes[:, 3], size)
    kinds: list[str | None] = [None] * len(lines)
    for found in find_running(find_edges(cells, lambda i: lines[i].text, float(np.median(size)))):
        for i in found.pieces:
            kinds[i] = found.kind
    return kinds
