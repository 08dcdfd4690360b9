"""Lines of Chinese and Japanese that are stretched to their width have no spaces."""

from __future__ import annotations

import pypdfium2

from benchmarks.text_layer_pdfs import Run, pdf_of_runs
from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[0], TextOptions()).text
    finally:
        document.close()


def stretched(text: str, x: float = 60) -> list[Run]:
    """Pairs of characters in a size of 10 points with 3 points between all of them, if the page is drawn with `3 Tc`."""
    return [Run(x + 13 * i, 700, 10, text[i : i + 2]) for i in range(0, len(text), 2)]


def test_white_between_stretched_characters_is_no_space() -> None:
    line = "版面の幅に合わせて文字の間を広げた行"

    assert text_of(pdf_of_runs(stretched(line), drawn=b"3 Tc")) == line


def test_white_between_names_that_are_not_stretched_is_a_space() -> None:
    runs = [Run(60, 700, 10, "山田"), Run(85, 700, 10, "太郎著"), Run(120, 700, 10, "東京出版社刊")]

    assert text_of(pdf_of_runs(runs)) == "山田 太郎著 東京出版社刊"


def test_wide_white_between_stretched_names_is_a_space() -> None:
    runs = stretched("採集者名") + stretched("採集地の名前", 120)

    assert text_of(pdf_of_runs(runs, drawn=b"3 Tc")) == "採集者名 採集地の名前"
