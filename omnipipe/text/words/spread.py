"""Letters on places of one width, as listings of LaTeX have them in a font of letters of many widths.

Narrow letters stand so far apart there that PDFium takes what is between them for spaces: "l o o p" for "loop".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.extreme import largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.records import Chars
    from omnipipe.text.words.chars import Words

_MIN_PAIRS = 3
"""Single letters beside each other, from which a page may have such lines."""
_MIN_STEPS = 16
"""Steps from letter to letter on one line that the width of a place is told by."""
_FAR = 1000.0
_LEAST, _MOST = 0.4, 0.9
"""Font sizes; places are as wide as that."""
_SPACE, _SPACES = 1.5, 0.05
"""Places; steps further than that go over a space, as this share of them does: single letters, as of formulas, have no
spaces but those between them."""
_OFF = 0.2
"""Of a place: how far letters stand from the middle of theirs, in the mean; in running text it is 0.25 to 0.35."""
_SHORT, _FEW = 0.75, 0.1
"""Of a place: shorter steps are few, of all steps on a line. In running text every third is."""
_WHITE, _APART = 0.03, 0.6
"""Font sizes: as much is between letters that stand apart, as this share of them does on lines with such pairs."""
_ALL_APART = 0.9
_SAME = 0.05
_LETTER = np.zeros(0x10000, bool)
_LETTER[[*range(0x41, 0x5B), *range(0x61, 0x7B)]] = True


class _Steps(NamedTuple):
    """From each letter to the next one on its line: the word and the next letter's, how far the middle of that is, and
    the white between them, in font sizes."""

    word: NDArray[np.intp]
    after: NDArray[np.intp]
    far: NDArray[np.float64]
    white: NDArray[np.float64]

    def take(self, which: NDArray[np.bool_]) -> _Steps:
        """The steps at `which`."""
        return _Steps(self.word[which], self.after[which], self.far[which], self.white[which])


def join_spread(chars: Chars, words: Words) -> Words:
    """`words` of a page, those that PDFium has parted within such lines as one; `spread` are the words of these lines.

    Boxes are asked for where several single letters stand beside each other, as on few pages.
    """
    if len(words.units) != len(words.text):
        return words
    alone = (words.last - words.first == 1) & _LETTER[words.units[words.first]] & (words.turn == 0)
    pairs = (alone[1:] & alone[:-1] & (words.line[1:] == words.line[:-1])).nonzero()[0] + 1
    if len(pairs) < _MIN_PAIRS:
        return words
    steps = _steps(chars, words)
    kind = np.rint(4 * words.size)
    parts, places = np.zeros(len(words.first), bool), np.zeros(len(words.first), np.float32)
    for size in np.unique(kind[pairs]).tolist():
        of_size = kind == size
        found = _of_size(words, steps.take(of_size[steps.word]), pairs[of_size[pairs]])
        if found is not None:
            place, even, after = found
            parts[after] = True
            places[of_size & even[words.line]] = place * size / 4
    parts[parts] = are_made(chars, words, parts.nonzero()[0])
    return joined(words, parts, places) if np.count_nonzero(parts) else words


def are_made(chars: Chars, words: Words, which: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the spaces before words are PDFium's, which take no room, and none of the page."""
    box = chars.boxes(words.char[which] - 1)
    found: NDArray[np.bool_] = box[:, 2] - box[:, 0] < _WHITE * words.size[which]
    return found


def _of_size(
    words: Words, steps: _Steps, pairs: NDArray[np.intp]
) -> tuple[float, NDArray[np.bool_], NDArray[np.intp]] | None:
    """The width of a place in font sizes, for each line whether it is spread, and the words that go on with the ones
    before them: of one font size, which all `steps` are of; None where lines with `pairs` of single letters are not."""
    line = words.line[steps.word]
    has_pairs = np.zeros(int(largest(words.line)) + 1, bool)
    has_pairs[words.line[pairs]] = True
    suspect = has_pairs[line]
    near = suspect & (steps.far < _MOST)
    num_near = np.count_nonzero(near)
    is_apart = np.count_nonzero(steps.white[near] > _WHITE) > _APART * num_near
    if len(pairs) < _MIN_PAIRS or num_near < _MIN_STEPS or not is_apart:
        return None
    place = float(np.median(steps.far[near]))
    num_spaces = np.count_nonzero(steps.far[suspect] > _SPACE * place)
    if place < _LEAST or num_spaces < _SPACES * np.count_nonzero(suspect):
        return None
    even = _even_lines(line, steps, place, len(has_pairs))
    if 2 * np.count_nonzero(even[words.line[pairs]]) <= len(pairs):
        return None
    joins = even[line] & (steps.word != steps.after) & (steps.far < _SPACE * place)
    return place, even, steps.after[joins]


def _steps(chars: Chars, words: Words) -> _Steps:
    """The steps of all letters that are not turned."""
    which = (words.turn == 0).nonzero()[0]
    length = (words.last - words.first)[which]
    owner = which.repeat(length)
    within = np.arange(len(owner)) - (length.cumsum() - length).repeat(length)
    place = words.char[owner] + within
    boxes = chars.boxes(np.minimum(place, chars.count - 1)).astype(np.float64)
    left, right = boxes[:, 0], boxes[:, 2]
    word, after = owner[:-1], owner[1:]
    em = np.maximum(words.size[word], 0.1)
    far = np.minimum((left[1:] + right[1:] - left[:-1] - right[:-1]) / (2 * em), _FAR)
    white = (left[1:] - right[:-1]) / em
    on_line = (words.line[word] == words.line[after]) & (far > 0)
    on_line &= np.abs(words.size[word] - words.size[after]) < _SAME * words.size[word]
    return _Steps(word[on_line], after[on_line], far[on_line], white[on_line])


def _even_lines(line: NDArray[np.intp], steps: _Steps, place: float, num_lines: int) -> NDArray[np.bool_]:
    """For each of `num_lines` whether it goes on by whole places, or has all of its letters apart; `line` is that of
    each step."""
    places = steps.far / place
    off = (places - np.maximum(np.rint(places), 1.0)) ** 2
    is_near = places < _SPACE
    is_apart = is_near & (steps.white > _WHITE)
    total = np.bincount(line, minlength=num_lines)
    near, apart, short = (
        np.bincount(line[which], minlength=num_lines) for which in (is_near, is_apart, places < _SHORT)
    )
    is_even = (np.bincount(line, off, num_lines) < _OFF**2 * total) & (short < _FEW * total)
    found: NDArray[np.bool_] = (is_even | (apart > _ALL_APART * near)) & (total > 1)
    return found


def joined(words: Words, parts: NDArray[np.bool_], places: NDArray[np.float32]) -> Words:
    """`words`, those of `parts` joined to the ones before them; where `places` have a width in points, boxes reach over
    all of theirs."""
    kept = np.ones(len(words.units), bool)
    joins = parts.nonzero()[0]
    for before, after in zip(words.last[joins - 1].tolist(), words.first[joins].tolist(), strict=True):
        kept[before:after] = False
    units = words.units[kept]
    at_units = np.append(0, kept.cumsum())
    at = (~parts).nonzero()[0]
    ends = np.append(at[1:], len(parts)) - 1
    box = words.box[at]
    box[:, 1] = np.minimum.reduceat(words.box[:, 1], at)
    box[:, 2:] = np.maximum.reduceat(words.box[:, 2:], at)
    first, last, place = at_units[words.first[at]], at_units[words.last[ends]], places[at]
    white = np.maximum(place * (last - first) - (box[:, 2] - box[:, 0]), 0) / 2
    box[:, 0] -= white
    box[:, 2] += white
    return words._replace(
        text=units.tobytes().decode("utf-16-le", "surrogatepass"),
        units=units,
        first=first,
        last=last,
        line=words.line[at],
        box=box,
        size=words.size[at],
        turn=words.turn[at],
        char=words.char[at],
        angle=words.angle[at],
        objects=words.objects[at] if len(words.objects) else words.objects,
        spread=place.nonzero()[0],
    )
