"""Letters on places of one width in a font of letters of many widths, as listings of LaTeX have them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from tests.text.test_structure import PROSE, kinds, read_contents

LETTERS = (
    "a556 b556 c500 d556 e556 f278 g556 h556 i222 j222 k500 l222 m833 n556 o556 p556 q556 r333 s500 t278 u556 v500 "
    "w722 x500 y500 z500 (333 )333 :278 =584 +584 _556 .278 ,278 [278 ]278"
)
WIDTHS = {letter[0]: int(letter[1:]) for letter in LETTERS.split()}
"""Of Helvetica, in thousandths of the font size."""
PLACE = 660
CODE = [
    "def first_letter(line, until):",
    "    while until in line:",
    "        line = line[until + until:]",
    "    letter = split(line, until)",
    "    return letter.strip(until)",
]


def spread(line: str, x: float, y: float) -> bytes:
    """A line of one text object, the letters of each word as far apart as its places allow."""
    spots: list[tuple[str, float]] = []
    for match in re.finditer(r"\w+|\S", line):
        word = match.group()
        white = (PLACE * len(word) - sum(WIDTHS[c] for c in word)) / len(word)
        at = PLACE * match.start() + white / 2
        for letter in word:
            spots.append((letter, at))
            at += WIDTHS[letter] + white
    escaped = [letter.replace("(", "\\(").replace(")", "\\)") for letter, _ in spots]
    steps = [after - here - WIDTHS[letter] for (letter, here), (_, after) in pairwise(spots)]
    shown = " ".join(f"({one}) {-step:.1f}" for one, step in zip(escaped, [*steps, 0.0], strict=True))
    return f"BT /F1 10 Tf {x + spots[0][1] / 100:.2f} {y} Td [{shown}] TJ ET\n".encode()


def written(line: str, x: float, y: float) -> bytes:
    """A line as it is usually set."""
    return f"BT /F1 10 Tf {x} {y} Td ({line}) Tj ET\n".encode()


def test_letters_on_places_of_one_width_are_words_and_code() -> None:
    above = b"".join(written(line, 72, 700 - 13 * i) for i, line in enumerate(PROSE))
    listing = b"".join(spread(line, 72, 600 - 13 * i) for i, line in enumerate(CODE))

    layer = read_contents(above + listing)

    assert kinds(layer) == ["text", "code"]
    assert layer.blocks[1][4] == "\n".join(["```", *CODE, "```"])


def test_running_text_beside_such_lines_keeps_its_spaces() -> None:
    listing = b"".join(spread(line, 72, 700 - 13 * i) for i, line in enumerate(CODE))
    prose = b"".join(written(line, 72, 560 - 13 * i) for i, line in enumerate(PROSE))

    assert read_contents(listing + prose).blocks[-1][4] == read_contents(prose).blocks[-1][4]


@pytest.mark.parametrize("line", ["a b c d e f g h i j k l m n", "n i l j k o p q r s t u v w"])
def test_single_letters_with_a_space_each_stay_apart(line: str) -> None:
    layer = read_contents(b"".join(written(line, 72, 700 - 13 * i) for i in range(6)))

    assert layer.text.startswith(line)
