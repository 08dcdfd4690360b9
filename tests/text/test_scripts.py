"""What is particular to documents in Chinese, Japanese and other scripts: white, lists, sentences, captions."""

from __future__ import annotations

import pypdfium2
import pytest

from benchmarks.text_layer_pdfs import Run, pdf_of_runs
from omnipipe.text.blocks.captions import is_caption
from omnipipe.text.blocks.rows import PageStyle, Row
from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[0], TextOptions()).text
    finally:
        document.close()


def stretched(text: str, x: float = 60) -> list[Run]:
    """Pairs of characters of 10 points; with `3 Tc` there are 3 points between all of them."""
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


def blocks_of(lines: list[tuple[float, str]]) -> list[tuple[str, str]]:
    """Kind and text of the blocks of a page with these lines (left edge, text) in a size of 10 points."""
    runs = [Run(x, 700 - 16 * i, 10, text) for i, (x, text) in enumerate(lines)]
    document = pypdfium2.PdfDocument(pdf_of_runs(runs))
    try:
        return [(block[0], block[4]) for block in read_text_layer(document[0], TextOptions()).blocks]
    finally:
        document.close()


def test_bullets_of_japanese_lists_need_no_space() -> None:
    found = blocks_of([(60, "・最初の項目です"), (60, "・次の項目です"), (60, "•\\setupで指定します")])

    assert found == [("list", "- 最初の項目です"), ("list", "- 次の項目です"), ("list", "- \\setupで指定します")]


def test_numbers_of_chinese_lists_start_items() -> None:
    found = blocks_of([(60, "（1）求此事件的概率；"), (60, "（2）说明选择的理由；"), (60, "①第三个问题")])

    assert [kind for kind, _ in found] == ["list"] * 3


def test_japanese_sentences_may_end_in_a_wide_full_stop() -> None:
    lines = ["本文の段落の一行目は版面の幅いっぱいに続いて", "二行目で終わります．"]

    found = blocks_of([(70, lines[0][:-1]), (60, lines[1]), (70, lines[0][:-1]), (60, lines[1])])

    assert [kind for kind, _ in found] == ["text", "text"]


@pytest.mark.parametrize("label", ["図 1.2：", "表 3.4: ", "그림 2.2: ", "شكل ١: ", "Таблиця 3. ", "Εικόνα 4: "])
def test_captions_of_many_languages_are_captions(label: str) -> None:
    style = PageStyle(10, [], None, b"", b"", TextOptions())  # type: ignore[arg-type]
    row = Row("", 0, 0, 100, 10, 10, False, 0)

    assert is_caption(label + "一", row, style, 1)
