"""Running matter: heads, feet and page numbers, told from body text by place, form and repetition.

A page shows candidates at its top and bottom: bands of few rows that white over the full width parts from the rest.
Place and form decide most of them; what stays open is looked for on neighbouring pages, at the same height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from omnipipe.text.running.edges import PARTED, ZONE, Band, Edges, Margins, OuterRow
from omnipipe.text.running.form import (
    Verdict,
    are_alike,
    has_form,
    is_bracketed,
    is_caption,
    is_caption_of,
    is_folio,
    is_likely_number,
    is_note,
    num_letters,
    page_number,
)
from omnipipe.text.running.last_line import without_last_line
from omnipipe.text.running.ruled import MAX_REACH, Rules, reach_of, with_rules

_MAX_CHARS = 200
_SAME_HEIGHT = 0.012

_LARGE = 0.018
"""Type larger than this share of the page's height (14 points on a letter) and larger than body text is a heading's."""

_MOST_LARGE = 2.0
"""Times the size of running text: the largest page numbers at the foot, and in brackets at the head."""

_PARTED_WELL, _FAR = 1.5, 2.0
"""White in ems below a page number that stands lower than most, and beside one that is a letter."""

_SMALL, _TINY = 0.85, 0.6
"""Of the size of running text: small and very small type."""

_EDGE = 0.035
"""Share of the page's height that is its very edge."""

_SAME_SIZE = 0.12
"""Of the size of running text: heads and feet that are set alike differ less."""

_OUTER = 0.065
"""Share of the page's height; what other pages have there as well is no note under a table."""

_CLOSE = 0.25
"""White in ems above a page number at the foot in the middle of the text's width: no line of text stands so."""

_SPREAD = 6.0
"""White in ems between the two ends of a row that is set over the full width of the text."""

_MOST_PARTS = 3
"""Texts beside each other in a head of several rows at most; more head a table that goes on from the page before."""

_CLOSE_HEAD = 1.2
"""White in ems below the head of a table, at most."""

_LETTERS = frozenset("ivxIVX")


class Found(NamedTuple):
    """Running matter: header, footer or page_number, and its pieces from left to right."""

    kind: str
    pieces: tuple[int, ...]


Sample = Callable[[], Sequence[tuple[int, Margins]]]
"""Other pages of the document, each with its distance in pages (negative before); called once at most."""


def find_running(edges: Edges, sample: Sample | None = None, rules: Rules | None = None) -> list[Found]:
    """The running matter of a page from top to bottom. `rules` and then `sample` are asked only where place and form
    leave it open."""
    sides = [
        _judge_side(edges.head, _Side(edges.em, edges.inset, edges.span, False)),
        _judge_side(edges.foot, _Side(edges.em, edges.inset, edges.span, True)),
    ]
    sides = [_with_other_side(one, other, edges) for one, other in (sides, sides[::-1])]
    sides[1] = without_last_line(sides[1], sides[0], edges)
    if rules is not None:
        most = [max(MAX_REACH, reach_of(side, edges.em)) for side in sides[::-1]]
        sides = [with_rules(sides[is_foot], edges, rules, most[is_foot], is_foot=is_foot) for is_foot in (False, True)]
    others: Sequence[tuple[int, Margins]] = ()
    if sample is not None and any(map(_is_open, sides)):
        others = [other for other in sample() if not _is_copy(edges.margins, other[1])]
    head, foot = (list(_taken(side, others, edges.em)) for side in sides)
    if sum(len(row.pieces) for row in (*head, *foot)) >= edges.num_pieces:
        # Nothing else stands on the page: then only what shows by itself what it is.
        head, foot = (list(_taken(side, (), edges.em)) for side in sides)
        if len(head) + len(foot) < 2:
            return []
    found = [part for row in head for part in _split(row, "header")]
    return found + [part for row in reversed(foot) for part in _split(row, "footer")]


class _Side(NamedTuple):
    """What is the same for all rows of one side; see `Edges`."""

    em: float
    inset: float
    span: tuple[float, float]
    is_foot: bool


def _judge_side(bands: Sequence[Band], side: _Side) -> list[tuple[OuterRow, Verdict]]:
    """The rows of one side from outside inwards, each with what its place and form say."""
    judged: list[tuple[OuterRow, Verdict]] = []
    is_numbered = False
    for i, band in enumerate(bands):
        inner = bands[i + 1].rows[0] if i + 1 < len(bands) else None
        for row in band.rows:
            verdict = _judge(row, band, inner, side, is_numbered=is_numbered)
            is_numbered |= verdict == "number"
            is_far_in = i > 0 and row.reach > 0.1 and row.size > 0.6 * side.em
            judged.append((row, "doubt" if verdict == "yes" and is_far_in else verdict))
    if bands and _is_strip(bands[0], side.em):
        num = len(bands[0].rows)
        judged[:num] = [(row, "yes" if verdict == "doubt" else verdict) for row, verdict in judged[:num]]
    if side.is_foot:
        judged = _with_number(judged, bands, side)
    if side.is_foot and is_numbered:
        # What stands below a page number is no body text.
        last = max(i for i, (_, verdict) in enumerate(judged) if verdict == "number")
        if all(verdict != "no" and _is_short(row, side.em) for row, verdict in judged[:last]):
            judged[:last] = [(row, "yes" if verdict == "doubt" else verdict) for row, verdict in judged[:last]]
    return judged


def _is_strip(band: Band, em: float) -> bool:
    """Whether a band is what libraries print below their pictures: rows in tiny type at the very edge, an address."""
    if band.white < _FAR or any(row.reach > _EDGE or row.size > _TINY * em for row in band.rows):
        return False
    return any(has_form(" ".join(row.texts)) for row in band.rows)


def _with_other_side(
    judged: list[tuple[OuterRow, Verdict]], other: list[tuple[OuterRow, Verdict]], edges: Edges
) -> list[tuple[OuterRow, Verdict]]:
    """The rows of one side, a first one in small type taken that stands as far out as running matter at the `other`."""
    if not judged or judged[0][1] != "doubt" or not other or other[0][1] not in ("yes", "number"):
        return judged
    (row, _), (facing, _) = judged[0], other[0]
    text, em = " ".join(row.texts), edges.em
    is_alike = max(row.size, facing.size) < _SMALL * em and abs(row.size - facing.size) < _SAME_SIZE * em
    if not is_alike or abs(row.reach - facing.reach) > em or is_caption(text) or is_note(text):
        return judged
    bands = edges.foot if judged[0][0].middle > 0.5 else edges.head
    is_apart = len(bands[0].rows) == 1 and bands[0].white > _PARTED_WELL
    return [(row, "yes"), *judged[1:]] if is_apart else judged


def _with_number(
    judged: list[tuple[OuterRow, Verdict]], bands: Sequence[Band], side: _Side
) -> list[tuple[OuterRow, Verdict]]:
    """The rows of a foot, the few short ones around a page number taken where much white parts them from the text."""
    first = bands[0] if bands else None
    num = len(first.rows) if first else 0
    verdicts = [verdict for _, verdict in judged[:num]]
    if not first or first.white < _FAR or "number" not in verdicts or "no" in verdicts:
        return judged
    if not all(verdict == "number" or _is_short(row, side.em) for row, verdict in judged[:num]):
        return judged
    return [(row, "yes" if i < num and verdict == "doubt" else verdict) for i, (row, verdict) in enumerate(judged)]


def _is_short(row: OuterRow, em: float) -> bool:
    """Whether a row is one text, and short or in small type."""
    most = 80 if row.size > _SMALL * em else _MAX_CHARS
    return len(row.texts) == 1 and len(row.texts[0]) < most and not is_note(row.texts[0])


def _taken(
    judged: Sequence[tuple[OuterRow, Verdict]], others: Sequence[tuple[int, Margins]], em: float
) -> Iterator[OuterRow]:
    """The rows that are running matter, from outside inwards until one is not: what comes then is body text."""
    for row, verdict in judged:
        if verdict in ("yes", "number") or (verdict == "doubt" and _repeats(row, others, em)):
            yield row
        elif verdict != "speck":
            return


def _is_open(judged: Sequence[tuple[OuterRow, Verdict]]) -> bool:
    """Whether other pages could tell more."""
    verdicts = [verdict for _, verdict in judged if verdict in ("doubt", "no")]
    return bool(verdicts) and verdicts[0] == "doubt"


def _split(row: OuterRow, kind: str) -> Iterator[Found]:
    """The row as one part, its page number apart."""
    numbers = [bool(page_number(text) or is_bracketed(text)) for text in row.texts]
    if sum(numbers) == 1:
        at = numbers.index(True)
        number, rest = row.pieces[at : at + 1], row.pieces[:at] + row.pieces[at + 1 :]
        parts = [Found("page_number", number), *([Found(kind, rest)] if rest else [])]
        yield from parts if at == 0 else reversed(parts)
    else:
        yield Found(kind, row.pieces)


def _judge(row: OuterRow, band: Band, inner: OuterRow | None, side: _Side, *, is_numbered: bool) -> Verdict:
    size = row.size / side.em
    text = " ".join(row.texts)
    if not text[:1].isalnum() and not any(map(str.isalnum, text)):
        return "speck"
    numbers = [page_number(cell) for cell in row.texts]
    if len(text) > _MAX_CHARS:
        return "no"
    if len(numbers) == 1 and is_bracketed(row.texts[0]):
        # Numbers of equations stand at an end of the text's width.
        is_folio_of_page = not side.is_foot and _is_central(row, side) and band.white > _CLOSE and len(band.rows) == 1
        return "number" if is_folio_of_page and row.reach < ZONE and size < _MOST_LARGE else "doubt"
    if size > 1.15 and row.size > _LARGE:
        is_far_out = row.reach < _OUTER and band.white > PARTED and side.em < _LARGE
        if is_far_out and side.is_foot and len(numbers) == 1 and numbers[0] and band.white > _FAR:
            return "number" if is_likely_number(text) and size < _MOST_LARGE else "doubt"
        # Names of a journal or a firm may be set large on every page; titles of slides are, on slides.
        return "doubt" if is_far_out and band.white > 1.0 and not side.is_foot else "no"
    if len(numbers) == 1 and numbers[0]:
        return _judge_number(row, band, inner, side, is_numbered=is_numbered)
    if band.white < PARTED:
        return "no"
    if band.is_table or (not side.is_foot and len(row.texts) > _MOST_PARTS and _is_head(row, band, inner)):
        return "doubt" if "explicit" in numbers else "no"
    is_parted = band.white > (0.4 if "explicit" in numbers or size < _TINY else 0.8)
    if not is_numbered and row.reach < 0.15 and is_parted and _has_number_at_end(row, numbers, band.white, side):
        return "number"
    if is_caption(text):
        return "doubt" if row.reach < _OUTER and band.white > _PARTED_WELL and not is_caption_of(text) else "no"
    if side.is_foot and is_note(text) and (is_note(row.texts[-1]) or not _is_spread(row, side)):
        return "doubt"
    return "yes" if _is_set_apart(row, band, text, side) else "doubt"


def _is_head(row: OuterRow, band: Band, inner: OuterRow | None) -> bool:
    """Whether a row of many parts is the head of a table: one of several rows, or close to one of as many cells."""
    if len(band.rows) > 1:
        return True
    return inner is not None and band.white < _CLOSE_HEAD and len(inner.texts) > max(_MOST_PARTS, len(row.texts) - 2)


def _is_set_apart(row: OuterRow, band: Band, text: str, side: _Side) -> bool:
    """Whether a row shows by its place, its type and its words that it is no body text."""
    num_rows, size = len(band.rows), row.size / side.em
    largest = 1.35 if side.is_foot else 1.1
    is_placed = _is_placed(row, band, text, side)
    if num_rows == 1 and size < 1.05 and not side.is_foot and _is_at_both_ends(row, band.white, side):
        return True
    if num_rows <= 2 and len(text) <= 130 and size < largest:
        reach = 0.14 if len(row.texts) > 1 and side.is_foot else 0.115
        has_place = band.white > (0.7 if len(row.texts) > 1 else 1.0) and row.reach < reach
        # The words are looked at only where they matter.
        if has_place != is_placed and has_form(text):
            return has_place
    return is_placed


def _is_placed(row: OuterRow, band: Band, text: str, side: _Side) -> bool:
    """Whether a row shows by its place and its type alone that it is no body text."""
    size = row.size / side.em
    if len(band.rows) > 1 or len(text) > 100:
        return False
    if row.reach < 0.045 and band.white > 2.5 and size < (1.1 if side.is_foot else 1.02):
        return True
    if _is_in_margin(row, side) and band.white > 1.0 and size < 1.1:
        return not side.is_foot or num_letters(text) > 2
    if band.white < 1.5:
        return False
    return (row.reach < 0.08 and size < 0.85) or (row.reach < 0.13 and size < 0.6 and len(text) <= 60)


def _is_in_margin(row: OuterRow, side: _Side) -> bool:
    """Whether the row is much nearer to the edge of the page than text is to the left edge."""
    near = (1 - row.middle if side.is_foot else row.middle) - 0.6 * row.size
    return row.reach < 0.075 and near < 0.7 * side.inset


def _judge_number(row: OuterRow, band: Band, inner: OuterRow | None, side: _Side, *, is_numbered: bool) -> Verdict:
    """The verdict on a page number that stands alone."""
    text = row.texts[0]
    if row.reach > ZONE:
        return "doubt"
    is_central = _is_central(row, side) and len(band.rows) == 1
    is_last = row.right > side.span[1] - 0.5 * side.em
    # Below the number that a journal has printed an archive may set its own; most others are in the text.
    if is_numbered and not (is_central or is_last):
        return "doubt"
    if page_number(text) == "explicit" and (band.white > 0.15 or (is_central and row.reach < 0.13)):
        return "number"
    # Letters alone count pages only where they stand far out.
    is_far = band.white > _FAR and row.reach < 0.1
    is_far |= is_central and side.is_foot and band.white > _PARTED_WELL and row.reach < 0.13
    is_letter = text in _LETTERS and is_far and row.size < 1.02 * side.em
    if not (is_likely_number(text) or is_letter) or (is_numbered and not text.isdecimal()):
        return "doubt"
    is_column = inner is not None and _is_in_column(row, inner, side)
    # Chapters open with a number as well, lower on the page and larger.
    if side.is_foot:
        is_placed = row.reach < (0.2 if is_central and band.white > _FAR else 0.18)
    else:
        is_placed = row.reach < 0.1 and row.size < 1.2 * side.em
        is_placed |= row.reach < 0.13 and row.size < 1.02 * side.em and band.white > _PARTED_WELL
        is_placed |= is_last and row.reach < 0.14 and row.size < 1.15 * side.em and band.white > _PARTED_WELL
    least = 1.0 if is_numbered else _CLOSE if is_central and side.is_foot else 0.5
    return "number" if is_placed and band.white > least and not is_column else "doubt"


def _is_central(row: OuterRow, side: _Side) -> bool:
    """Whether the row stands in the middle of the text's width."""
    return abs(row.left + row.right - sum(side.span)) < side.em


def _is_in_column(row: OuterRow, inner: OuterRow, side: _Side) -> bool:
    """Whether a number stands over (or under) another, as in tables and beside numbered lines."""
    if len(inner.texts) > 1 or page_number(inner.texts[0]) is None:
        return False
    return row.left < inner.right + side.em and row.right > inner.left - side.em


def _is_at_both_ends(row: OuterRow, white: float, side: _Side) -> bool:
    """Whether a head has a title at each end of the text's width; on title pages there is more white below."""
    # Items and questions have a number in front, and what they count for at the end.
    return row.reach < 0.13 and 1.3 < white < 8.0 and _is_spread(row, side) and not is_note(row.texts[0])


def _is_spread(row: OuterRow, side: _Side) -> bool:
    """Whether a row has words at both ends of the text's width, and white between them."""
    start, end = side.span
    is_whole = row.left < start + side.em and row.right > end - side.em
    return is_whole and len(row.gaps) == 1 and row.gaps[0] > _SPREAD * side.em


def _has_number_at_end(row: OuterRow, numbers: Sequence[str | None], white: float, side: _Side) -> bool:
    """Whether a page number stands at one end of a row of words, or in its middle between two, well apart."""
    count = len(row.texts)
    if not 2 <= count <= 4:
        return False
    places = {0, count - 1} | ({1} if count == 3 else set())
    found = [i for i in places if numbers[i] == "explicit" or (numbers[i] and is_likely_number(row.texts[i]))]
    plain = [text for text, number in zip(row.texts, numbers, strict=True) if not number]
    if not found and count == 3 and not side.is_foot:
        found = [i for i in (0, 2) if is_folio(row.texts[i])]
        plain = [text for i, text in enumerate(row.texts) if i not in found]
    letters = [num_letters(text) for text in plain]
    # Between a number and a title may stand that of a chapter.
    if not found or not plain or max(letters) < 3 or (min(letters) < 3 and (count < 3 or min(letters) == 0)):
        return False
    at = min(found)
    beside = row.gaps[max(0, at - 1) : at + 1]
    if side.is_foot:
        return min(beside) > side.em
    # Headings have a number to their left as well, but a short one, and not far from it.
    is_as_heading = at == 0 and row.reach > 0.075 and len(row.texts[0]) < 2
    if is_as_heading:
        return min(beside) > (3.5 if white > _PARTED_WELL and row.size < 1.02 * side.em else 5.0) * side.em
    return min(beside) > 2.0 * side.em


def _repeats(row: OuterRow, others: Sequence[tuple[int, Margins]], em: float) -> bool:
    """Whether the row is met on other pages at the same height: on two of them, or on one where it stands far out.

    A number that ends a text high on the page may be met at any height.
    """
    middle, size, wide = row.middle, row.size, 0.15 * row.size
    # Texts that end anywhere end in their page's number there.
    far = 1.0 if row.reach > ZONE else _SAME_HEIGHT
    met = sum(
        any(
            not (abs(place - middle) > far or abs(other - size) > wide) and _says_same(row, distance, texts)
            for place, other, texts in margins.rows
        )
        for distance, margins in others
    )
    if row.size > max(_LARGE, 1.15 * em):
        return met > 1
    return met > 1 or (met == 1 and (row.reach < 0.09 or (len(others) < 3 and row.size < 1.1 * em)))


def _says_same(row: OuterRow, distance: int, texts: Sequence[str]) -> bool:
    """Whether a row of `texts` on a page at this distance says what `row` does."""
    alike = [text for text in row.texts if any(are_alike(text, other, distance) for other in texts)]
    if len(row.texts) == 1 or not alike:
        return bool(alike)
    whole = sum(map(len, row.texts))
    if sum(map(len, alike)) >= 0.35 * whole:
        return True
    return whole < 100 and any(page_number(end) and end in alike for end in (row.texts[0], row.texts[-1]))


def _is_copy(one: Margins, other: Margins) -> bool:
    """Whether the other page is the same page once more, which says nothing of what is running."""
    return len(one.rows) > 7 and one.rows == other.rows
