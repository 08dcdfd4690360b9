"""Lines of Hebrew and Arabic in the order in which they are read, by where their letters stand.

PDFium takes what a file writes from left to right for the reading order, and turns Hebrew and Arabic around. Files that
write their letters in reading order come out backwards and without spaces, and Latin words in such a line with their
parts exchanged ("LATEX-AMS").
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.words.script import ARABIC, CJK, FIRST_LETTER, HEBREW, SCRIPT, SPACE, may_run_left

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Box = Sequence[float]

_SIGN, _LEFT, _RIGHT, _DIGIT, _ARABIC_DIGIT, _MARK, _SPACE = range(7)
_CODES = "NLRDAMS"
"""One letter for each of these classes: signs, letters written from the left, from the right, digits, those of Arabic,
marks of letters, white space."""
_BROAD, _WIDE, _NOTHING = "BGZ"
"""The same for gaps as wide as after the number of a heading, for those between cells, and for spaces that PDFium found
between the figures of a number: they are set from the right."""
_UPRIGHT = frozenset((_LEFT, _RIGHT, _DIGIT, _ARABIC_DIGIT))
_MIXED = frozenset((_LEFT, _DIGIT, _ARABIC_DIGIT))
_ENDS = (0x0A, 0x0D, 0xFFFE)
"""What ends lines."""

_ASUNDER, _KNOWN, _SURE, _GAP = 0.09, 0.05, 0.25, 1.2
"""Heights of a letter: what is further apart is two words; where PDFium has a space, where it has none; two cells."""
_HALF = -0.2
"""The same for a space between letters of Arabic."""
_NARROW = 0.5
"""Heights of a letter: a number and a Latin word nearer than that belong together."""
_OVER, _MOST_OVER = 0.6, 0.1
"""Letters that cover more than this share of the next one, and the share of them in a line that may."""
_CROSSED = frozenset(("LR", "RL"))

_LATIN_NUMBER = r"(?<![0-9])[-+\u2212]?[0-9]+(?:[-+.,:/][0-9]+)*%?"
_NUMBER = re.compile(
    _LATIN_NUMBER + r"|[\u0660-\u0669\u06f0-\u06f9]+(?:[-,:/\u066b\u066c][\u0660-\u0669\u06f0-\u06f9]+)*"
)
"""Full stops part the numbers of sections, which are set from the right in digits of Arabic."""
_LEFT_RUN = re.compile(r"(?:D(?:N?D)*[NS]?)?[LD]*L[LD]*(?:[NSB]*[LD]*L[LD]*|[NS]?D(?:N?D)*|N?A+)*")
"""Latin words and what is between them, and numbers next to them."""
_LATIN = re.compile(r"L[LDNM]*[LD]")
_RIGHT_RUN = re.compile(r"R(?:[RADNSBP]*R)?")
_LEADS = re.compile(r"(?<![^ ])[:;,.!?](?=[^ ])")
"""Signs that end a word which stands right of them, as they do in text from right to left."""
_BEFORE, _AFTER = frozenset("\\@#$~"), frozenset("+#%")
"""Signs that belong to a Latin word which they stand before, or after."""
_MIRRORED = dict(zip("()[]{}<>«»‹›", ")(][}{><»«›‹", strict=True))
_OPENING = "([{"
_BRACKETS = frozenset(map(ord, _MIRRORED))


def _classes() -> NDArray[np.uint8]:
    table = np.where(SCRIPT >= FIRST_LETTER, np.uint8(_LEFT), np.uint8(_SIGN))
    table[SCRIPT == SPACE] = _SPACE
    table[0x30:0x3A] = _DIGIT
    kinds = {"L": _RIGHT, "M": _MARK, "N": _ARABIC_DIGIT}
    for place in ((SCRIPT == HEBREW) | (SCRIPT == ARABIC) | (SCRIPT == CJK + 2)).nonzero()[0].tolist():
        table[place] = kinds.get(unicodedata.category(chr(place))[0], _SIGN)
    table[0x660:0x66A] = table[0x6F0:0x6FA] = _ARABIC_DIGIT
    table[0x300:0x370] = _MARK
    # The second halves of pairs stay with the first ones.
    table[0xDC00:0xE000] = _MARK
    return table


_CLASS = _classes()


class Ordered(NamedTuple):
    """A page's text in UTF-16 units, and of each unit its place in the text that it was made from."""

    units: NDArray[np.uint16]
    source: NDArray[np.intp]


class _Line(NamedTuple):
    """A line as PDFium has it: its units, their classes and boxes; `shapes` are brackets as the file has them.

    `is_backwards`: the letters of Hebrew and Arabic words follow each other to the right.
    """

    units: list[int]
    classes: list[int]
    boxes: list[Box]
    shapes: dict[int, str]
    height: float
    is_backwards: bool


class _Written(NamedTuple):
    """A unit of a line in order and its place; `is_mirrored`: a bracket in what is read from right to left."""

    unit: int
    place: int
    is_mirrored: bool = False


class _Letter(NamedTuple):
    """A letter with its marks: their places in the line, its class and its sides; a gap between words has no place."""

    places: tuple[int, ...]
    code: str
    sign: str
    left: float
    right: float


def in_reading_order(
    units: NDArray[np.uint16], boxes: Callable[[NDArray[np.intp]], NDArray[np.float32]]
) -> Ordered | None:
    """The text `units` of a page with its lines of Hebrew and Arabic put in order; None where it has none.

    `boxes` gives left, bottom, right and top of the characters at places of the text, or zeros for lines that are not
    upright, which stay as they are.
    """
    if not may_run_left(units):
        return None
    classes = _CLASS.take(units)
    is_right = classes == _RIGHT
    # Formulas and names have Latin letters.
    is_page = bool(1.5 * np.count_nonzero(is_right) > np.count_nonzero(classes == _LEFT))
    marked = np.append(0, np.cumsum(is_right | (is_page & (classes == _ARABIC_DIGIT)))).tolist()
    ends = [*np.isin(units, _ENDS).nonzero()[0].tolist(), len(units)]
    lines: list[tuple[int, int, list[_Written]]] = []
    start = 0
    for end in ends:
        if marked[end] > marked[start]:
            here = boxes(np.arange(start, end)).tolist()
            line = _in_order(units[start:end].tolist(), classes[start:end].tolist(), here, is_page)
            if line is not None:
                lines.append((start, end, line))
        start = end + 1
    if not lines:
        return None
    is_turned = _are_turned([line for _, _, line in lines])
    found: list[NDArray[np.uint16]] = []
    source: list[NDArray[np.intp]] = []
    done = 0
    for start, end, line in lines:
        text = [ord(_MIRRORED[chr(one.unit)]) if is_turned and one.is_mirrored else one.unit for one in line]
        found += [units[done:start], np.array(text, np.uint16)]
        source += [np.arange(done, start), np.array([one.place for one in line], np.intp) + start]
        done = end
    return Ordered(np.concatenate((*found, units[done:])), np.concatenate((*source, np.arange(done, len(units)))))


def _in_order(units: list[int], classes: list[int], boxes: list[Box], is_page: bool) -> list[_Written] | None:
    """The units of a line in order, each with its place; None where it is no line of letters side by side."""
    is_backwards = _is_backwards(classes, boxes)
    if not is_backwards and not _MIXED.intersection(classes) and _BRACKETS.isdisjoint(units):
        # What PDFium takes lines for.
        return None
    heights = sorted([box[3] - box[1] for box, kind in zip(boxes, classes, strict=True) if kind in _UPRIGHT])
    if not heights or heights[len(heights) // 2] <= 0:
        return None
    boxes = _latin_forwards(classes, boxes)
    line = _Line(units, classes, boxes, _shapes(units, classes), heights[len(heights) // 2], is_backwards)
    letters = _letters(line)
    codes = "".join([letter.code for letter in letters]) if letters else ""
    if not letters or not (is_page or "RR" in codes):
        return None
    out: list[_Written] = []
    _write(_with_gaps(letters, line), _is_rtl(codes, is_page), line, out)
    return out


def _is_rtl(codes: str, is_page: bool) -> bool:
    """Whether a line of letters of these classes is read from right to left, on a page that `is_page` is."""
    num_left, num_right = codes.count("L"), codes.count("R")
    if num_right:
        strong = codes.strip("NDAM")
        return num_right >= num_left or (is_page and not strong[0] == strong[-1] == "L")
    # The number of a heading in Latin comes first.
    return codes[-1] == "A" != codes[0]


def _shapes(units: list[int], classes: list[int]) -> dict[int, str]:
    """Brackets as they are drawn, by their places: PDFium mirrors those that follow Hebrew or Arabic."""
    strong = [kind for kind in classes if kind in (_LEFT, _RIGHT)]
    runs = [kind for i, kind in enumerate(strong) if not i or kind != strong[i - 1]]
    is_right = bool(runs) and 2 * runs.count(_RIGHT) >= len(runs)
    shapes: dict[int, str] = {}
    for i, (unit, kind) in enumerate(zip(units, classes, strict=True)):
        if kind in (_LEFT, _RIGHT):
            is_right = kind == _RIGHT
        elif kind == _SIGN and chr(unit) in _MIRRORED:
            shapes[i] = _MIRRORED[chr(unit)] if is_right else chr(unit)
    return shapes


def _letters(line: _Line) -> list[_Letter] | None:
    """The letters of a line from left to right; None where they do not stand side by side."""
    places = [i for i, kind in enumerate(line.classes) if kind != _SPACE]
    places = _turned(places, line) if line.is_backwards else places
    groups: list[list[int]] = []
    for i in places:
        if line.classes[i] == _MARK and groups:
            groups[-1].append(i)
        else:
            groups.append([i])
    letters: list[tuple[float, int, _Letter]] = []
    middle = sorted([line.boxes[group[0]][1] + line.boxes[group[0]][3] for group in groups])[len(groups) // 2] / 2
    for k, group in enumerate(groups):
        left, bottom, right, top = line.boxes[group[0]]
        kind = line.classes[group[0]]
        if not bottom - 0.2 * line.height < middle < top + 0.2 * line.height:
            return None
        sign = line.shapes.get(group[0], chr(line.units[group[0]]))
        # The letters of one ligature stand at one place.
        order = -k if kind == _RIGHT else k
        letters.append((left + right, order, _Letter(tuple(group), _CODES[kind], sign, left, right)))
    letters.sort()
    shown = [letter for _, _, letter in letters]
    num_over = 0
    for before, after in pairwise(shown):
        share = (before.right - after.left) / max(min(before.right - before.left, after.right - after.left), 0.01)
        if share > 0.95 and before.code + after.code in _CROSSED:
            return None
        num_over += share > _OVER and (before.left, before.right) != (after.left, after.right)
    return None if num_over > _MOST_OVER * len(shown) else shown


def _is_backwards(classes: list[int], boxes: list[Box]) -> bool:
    """Whether the letters of Hebrew and Arabic words follow each other to the right."""
    steps = 0
    before: Box | None = None
    for kind, box in zip(classes, boxes, strict=True):
        if kind == _RIGHT:
            if before is not None:
                steps += (box[0] > before[0]) - (box[0] < before[0])
            before = box
        elif kind != _MARK:
            before = None
    return steps > 0


def _latin_forwards(classes: list[int], boxes: list[Box]) -> list[Box]:
    """`boxes` with those of Latin words, whose letters a program has set from right to left like the Hebrew around
    them ("LATEX" is seen as "XETAL"), turned over."""
    codes = "".join([_CODES[kind] for kind in classes])
    for match in _LATIN.finditer(codes):
        here = range(*match.span())
        pairs = [(boxes[i][0], boxes[i + 1][0]) for i in here[:-1] if codes[i] == codes[i + 1] == "L"]
        if len(pairs) < 3 or 3 * sum(a > b for a, b in pairs) < 2 * len(pairs):
            continue
        left, right = min(boxes[i][0] for i in here), max(boxes[i][2] for i in here)
        boxes = [
            (left + right - box[2], box[1], left + right - box[0], box[3]) if i in here else box
            for i, box in enumerate(boxes)
        ]
    return boxes


def _turned(places: list[int], line: _Line) -> list[int]:
    """`places` with those of Hebrew and Arabic words turned around, so that marks follow their letters."""
    out: list[int] = []
    run: list[int] = []
    for i in places:
        if line.classes[i] in (_RIGHT, _MARK):
            run.append(i)
            continue
        out += [*reversed(run), i]
        run = []
    return out + run[::-1]


def _with_gaps(letters: list[_Letter], line: _Line) -> list[_Letter]:
    """`letters` with a space in each gap between words."""
    known: set[tuple[int, int]] = set()
    last = -1
    for i, kind in enumerate(line.classes):
        if kind != _SPACE:
            if last >= 0 and i - last > 1:
                known |= {(last, i), (i, last)}
            last = i
    shown = letters[:1]
    for before, after in pairwise(letters):
        gap = (after.left - before.right) / line.height
        codes = before.code + after.code
        ends, starts = before.places, after.places
        is_known = not known.isdisjoint(((ends[0], starts[0]), (ends[-1], starts[0]), (ends[0], starts[-1])))
        is_next = codes == "LL" or (codes == "RR" and not line.is_backwards)
        is_next &= abs(before.places[-1] - after.places[0]) == 1
        # Half spaces have no width.
        least = _HALF if is_known and codes == "RR" else _KNOWN if is_known else _SURE if is_next else _ASUNDER
        if gap > least:
            code = _WIDE if gap > _GAP else "S" if gap < _NARROW else _BROAD
            shown.append(_Letter((), code, " ", before.right, after.left))
        elif is_known:
            shown.append(_Letter((), _NOTHING, "\0", before.right, after.left))
        shown.append(after)
    return shown


def _write(shown: list[_Letter], rtl: bool, line: _Line, out: list[_Written]) -> None:
    """Write what is `shown` from left to right in the order in which it is read, each unit with its place."""
    runs = _runs(shown, rtl)
    i = len(shown) - 1 if rtl else 0
    step = -1 if rtl else 1
    while 0 <= i < len(shown):
        run = runs.get(i)
        if run is not None:
            first, last = run
            if last > first:
                _write(shown[first : last + 1], not rtl, line, out)
            else:
                _put(shown[first], not rtl, line, out)
            i = first - 1 if rtl else last + 1
        else:
            _put(shown[i], rtl, line, out)
            i += step


def _put(letter: _Letter, rtl: bool, line: _Line, out: list[_Written]) -> None:
    if letter.code == _NOTHING:
        return
    if not letter.places:
        # A space that stands nowhere in the file has the place of what it follows.
        out.append(_Written(0x20, out[-1].place if out else 0))
        return
    first, *marks = letter.places
    if first in line.shapes:
        out.append(_Written(ord(_MIRRORED[letter.sign] if rtl else letter.sign), first, rtl))
    else:
        out.append(_Written(line.units[first], first))
    out.extend([_Written(line.units[i], i) for i in marks])


def _are_turned(lines: Sequence[list[_Written]]) -> bool:
    """Whether brackets open to the wrong side in more lines than to the right one: some programs write them as they
    are read, and not as they look."""
    votes = 0
    for line in lines:
        depth = [0, 0]
        is_wrong = [False, False]
        for one in line:
            if one.is_mirrored and chr(one.unit) in "()":
                step = 1 if chr(one.unit) == "(" else -1
                for k, sign in enumerate((1, -1)):
                    depth[k] += sign * step
                    is_wrong[k] |= depth[k] < 0
        votes += (is_wrong[0] or depth[0] != 0) - (is_wrong[1] or depth[1] != 0)
    return votes > 0


def _runs(shown: list[_Letter], rtl: bool) -> dict[int, tuple[int, int]]:
    """The parts of a line that are written the other way than the line: first and last letter, by both."""
    codes = "".join([letter.code for letter in shown])
    signs = "".join([letter.sign for letter in shown])
    if not rtl:
        found = [match.span() for match in _RIGHT_RUN.finditer(codes)]
    else:
        for match in _LEADS.finditer(signs):
            codes = codes[: match.start()] + "P" + codes[match.end() :]
        found = [_with_signs(signs, match.span()) for match in _LEFT_RUN.finditer(codes)]
        taken = {i for first, stop in found for i in range(first, stop)}
        found += [match.span() for match in _NUMBER.finditer(signs) if match.start() not in taken]
    runs: dict[int, tuple[int, int]] = {}
    for first, stop in found:
        runs[first] = runs[stop - 1] = first, stop - 1
    return runs


def _with_signs(signs: str, span: tuple[int, int]) -> tuple[int, int]:
    """The `span` of Latin words with the signs around it that belong to them, brackets above all that they open."""
    first, stop = span
    grown = True
    while grown:
        grown = False
        # Those within come first: the next bracket is seen once they are in.
        for opening in _OPENING:
            closing = _MIRRORED[opening]
            depth = signs.count(opening, first, stop) - signs.count(closing, first, stop)
            if depth > 0 and signs[stop : stop + 1] == closing:
                stop, grown = stop + 1, True
            elif depth < 0 and first and signs[first - 1] == opening:
                first, grown = first - 1, True
    while first and signs[first - 1] in _BEFORE:
        first -= 1
    while stop < len(signs) and signs[stop] in _AFTER:
        stop += 1
    if signs[stop : stop + 2] in ("()", "[]", "{}"):
        stop += 2
    return first, stop
