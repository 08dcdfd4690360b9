"""Accents that fonts without accented letters draw over their letters, as TeX does."""

from __future__ import annotations

import numpy as np
import pypdfium2
import pytest

from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions
from omnipipe.text.words.drawn_accents import with_accents
from tests.pdfs import pdf_of_contents

_WIDTHS = {"´": 333, "`": 333, "¨": 333, "¸": 333, "e": 556, "a": 556, "c": 500, "C": 722, "U": 722, "i": 222}


def drawn(text: str) -> bytes:
    """A line in Helvetica: what stands after an accent stands under it, over a capital the accent is raised."""
    shown = []
    for i, char in enumerate(text):
        code = b"<%02X>" % ord(char.encode("latin-1"))
        if char not in "´`¨¸" or i + 1 == len(text):
            shown.append(b"%s Tj" % code)
            continue
        under, wide = _WIDTHS[text[i + 1]], _WIDTHS[char]
        back = (wide + under) / 2
        rise = 2 if text[i + 1].isupper() and char != "¸" else 0
        aside = b"[%d] TJ" % ((wide - under) / 2)
        shown.append(b"%s %d Ts %s Tj 0 Ts [%d] TJ" % (aside, rise, code, back))
    return pdf_of_contents([b"BT /F1 11 Tf 72 700 Td %s ET" % b"\n".join(shown)])


def read(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[0], TextOptions()).text
    finally:
        document.close()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("L'´et´e `a la for¨et est fini", "L'été à la forët est fini"),
        ("Hier ist ¨Uber die Welt", "Hier ist Über die Welt"),
        ("Le gar¸con a dit ¸Ca va", "Le garçon a dit Ça va"),
    ],
)
def test_accents_over_their_letters_are_joined(text: str, wanted: str) -> None:
    assert read(drawn(text)) == wanted


def boxes_of(text: str, moved: dict[int, tuple[float, float]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Boxes of characters 5 wide and 10 high one after another; `moved` says left and bottom of some."""
    corners = [moved.get(i, (5.0 * i, 0.0)) for i in range(len(text))]
    return np.array([(x, y, x + 5, y + 10) for x, y in corners], np.float32)


def joined(text: str, moved: dict[int, tuple[float, float]]) -> str:
    boxes = boxes_of(text, moved)
    found = with_accents(np.array([ord(char) for char in text], np.uint16), lambda which: boxes[which])
    return text if found is None else "".join(map(chr, found[0]))


def test_the_accent_of_a_capital_is_found_where_the_line_ends() -> None:
    assert joined("Reditel skoly \u02c7", {14: (0.5, 2.5)}) == "\u0158editel skoly "


def test_accents_that_follow_other_letters_of_the_word_are_joined_with_their_own() -> None:
    text = "el\u00b4 eves \u0060 z"

    # The acute stands over the first letter, the grave over the fourth, and the text has spaces only where accents end.
    places = {0: 0, 1: 1, 2: 0, 3: 1, 4: 2, 5: 3, 6: 4, 7: 5, 8: 6, 9: 4, 10: 7, 11: 8}
    assert joined(text, {at: (5.0 * place, 0.0) for at, place in places.items()}).split() == ["élevès", "z"]


def test_a_stroke_with_the_code_of_a_space_crosses_its_letter() -> None:
    assert joined("sta ly lad", {3: (15, 0), 4: (15, 0), 5: (20, 0), 6: (25, 0)}) == "stały lad"


def test_quotation_marks_beside_letters_stay_what_they_are() -> None:
    assert joined("`a house\u00b4s end\u00b4", {}) == "`a house\u00b4s end\u00b4"
