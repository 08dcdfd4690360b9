"""Pages with little text, whose letters PDFium takes for lines."""

from __future__ import annotations

import numpy as np

from omnipipe.text.words.line_ends import without_ends


def kept(text: str, places: list[tuple[float, float]]) -> str:
    boxes = np.array([(x, y, x + 5, y + 10) for x, y in places], np.float32)
    found = without_ends(np.array([ord(char) for char in text], np.uint16), lambda which: boxes[which])
    return text if found is None else "".join(text[i] for i in found.tolist())


def test_letters_side_by_side_are_on_one_line() -> None:
    end = [(0.0, 0.0), (0.0, 0.0)]
    places = [(5.0, 50.0), *end, (10.0, 50.0), *end, (40.0, 50.0), *end, (5.0, 30.0)]

    assert kept("1\r\n9\r\n7\r\n4", places) == "19\r\n7\r\n4"
