"""Lines of Hebrew and Arabic: their letters in the order in which they are read, their blocks from the right."""

from __future__ import annotations

import pypdfium2
import pytest

from benchmarks.text_layer_pdfs import Run, pdf_of_runs
from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions


def read(data: bytes) -> TextLayer:
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[0], TextOptions())
    finally:
        document.close()


def width(shown: str, size: float) -> float:
    return sum(0.28 if char in " .,;:ilj'|!" else 0.52 for char in shown) * size


def visual(shown: str, right: float, y: float, size: float = 10) -> Run:
    """A line as it looks, that ends at `right`, written from its left end."""
    return Run(right - width(shown, size), y, size, shown)


def page(*lines: str, right: float = 500) -> bytes:
    return pdf_of_runs([visual(line, right, 700 - 14 * i) for i, line in enumerate(lines)])


def test_hebrew_that_a_file_writes_in_reading_order_is_not_turned_around() -> None:
    """As LuaTeX does: each letter left of the one before it, and no spaces."""
    words, size, x = ["רשימת", "הטבלאות", "של", "הספר"], 10.0, 500.0
    runs = []
    for word in words:
        runs.append(Run(x - 0.52 * size, 700, size, word))
        x -= width(word, size) + 0.3 * size

    text = read(pdf_of_runs(runs, drawn=b"%g Tc" % (-2 * 0.52 * size))).text

    assert text.split() == words


def test_hebrew_that_a_file_writes_as_it_looks_is_turned_around() -> None:
    assert read(page("רפסה לש תואלבטה תמישר")).text == "רשימת הטבלאות של הספר"


@pytest.mark.parametrize(
    ("shown", "logical"),
    [
        ("תינכת DE/rand/1/bin לש", "של DE/rand/1/bin תכנית"),
        ("הנבמ K-means לש", "של K-means מבנה"),
        ("רבדו 128 לש םידומע", "עמודים של 128 ודבר"),
        ("רבדו c++ תפש לש", "של שפת c++ ודבר"),
        ("ןאכ [12] האר", "ראה [12] כאן"),
        ("רבדו 3.14 לש", "של 3.14 ודבר"),
        ("רבדו (a={b}) לש", "של (a={b}) ודבר"),
        ("רבדו [a(b{c})] לש", "של [a(b{c})] ודבר"),
    ],
)
def test_latin_words_and_numbers_in_a_line_of_hebrew_keep_their_order(shown: str, logical: str) -> None:
    text = read(page(shown, "הז דומעב דוע בתכנ המ")).text

    assert logical in text


def test_a_paragraph_of_hebrew_ends_where_its_last_line_stops_short_at_the_left() -> None:
    lines = ["םילימ הברה הב שיש תחא הרוש דוע ןאכ תבתכנו", "תורחא םילימ הברה הב שיש תפסונ הרוש האב זא", ".הקספ לש הפוס"]

    blocks = [block[4] for block in read(page(*lines, *lines)).blocks]

    assert blocks == [" ".join(line[::-1] for line in lines)] * 2


def test_an_item_of_a_list_in_hebrew_goes_on_in_its_next_line() -> None:
    long = "םילימ הברה הב שיש תחא הרוש דוע ןאכ תבתכנו"
    runs = []
    for y in (700, 660, 620):
        runs += [visual(long + " •", 500, y), visual(".ותוא םימייסמו", 490, y - 14)]

    blocks = read(pdf_of_runs(runs)).blocks

    assert [block[0] for block in blocks] == ["list"] * 3
    assert blocks[0][4] == f"- {long[::-1]} ומסיימים אותו."


def test_a_latin_page_with_hebrew_words_is_read_from_the_left() -> None:
    text = read(page("The word םולש means peace, and it is a greeting as well.", "Nothing else stands here.")).text

    assert "The word שלום means peace, and it is" in text


def test_a_line_of_hebrew_on_its_head_stays_as_it_is() -> None:
    runs = [visual("םולש תינכתה לש K-means רפסה", 500, 700)]

    text = read(pdf_of_runs(runs, drawn=b"-1 0 0 -1 595 842 cm")).text

    assert text.split()[0] == "הספר"


def test_a_page_whose_words_begin_with_signs_of_hebrew_is_read() -> None:
    assert read(page("0׆")).text


def test_latin_words_that_are_set_from_the_right_are_read_as_they_are_meant() -> None:
    words, x = ["שלום", "nodes", "לכולם"], 500.0
    runs = []
    for word in words:
        runs.append(Run(x - 5.2, 700, 10, word))
        x -= width(word, 10) + 3

    assert read(pdf_of_runs(runs, drawn=b"-10.4 Tc")).text == "שלום nodes לכולם"
