"""Blank pages, text layers to trust, and those that are not."""

from __future__ import annotations

import ctypes
import json
import random
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from PIL import Image

from benchmarks.text_layer_bad import BAD
from benchmarks.text_layer_good import GOOD
from benchmarks.text_layer_pdfs import Run, pdf_of_runs, photo, prose, scan_of, set_lines
from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions
from omnipipe.text.triage import Verdict, ink_ratio, judge, triage_page
from omnipipe.text.trust.measure import Measures
from tests.pdfs import pdf_of_contents, pdf_of_lines


def verdict_of(data: bytes) -> Verdict:
    """The verdict on the first page."""
    document = pypdfium2.PdfDocument(data)
    try:
        return triage_page(document[0], TextOptions())[2]
    finally:
        document.close()


Kind = Callable[[random.Random], bytes]
REASONS = {
    "bad_shifted": "text_layer:shifted",
    "bad_private": "text_layer:private_use",
    "bad_replaced": "text_layer:replaced",
    "bad_cid": "text_layer:cid",
    "bad_control": "text_layer:control",
    "bad_mixed": "text_layer:mixed_scripts",
    "bad_mojibake": "text_layer:mojibake",
    "bad_ocr": "text_layer:poor_ocr",
    "bad_bare": "text_layer:unpunctuated",
    "bad_stamped": "text_layer:partial",
    "bad_outlined": "text_layer:outlined",
}


@pytest.mark.parametrize("kind", BAD, ids=lambda kind: kind.__name__)
def test_wrong_layers_of_each_kind_are_noticed(kind: Kind) -> None:
    verdicts = [verdict_of(kind(random.Random(seed))) for seed in range(8)]

    assert sum(v.needs_ocr for v in verdicts) >= 7
    expected = REASONS.get(kind.__name__)
    assert expected is None or sum(expected in v.reasons for v in verdicts) >= 6


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_good_layers_of_each_kind_are_trusted(kind: Kind) -> None:
    verdicts = [verdict_of(kind(random.Random(seed))) for seed in range(8)]

    assert [v for v in verdicts if v.needs_ocr or v.is_blank] == []


def test_a_page_without_text_and_ink_is_blank() -> None:
    verdict = verdict_of(pdf_of_lines([[]]))

    assert verdict.is_blank
    assert not verdict.needs_ocr
    assert verdict.reasons == ("page:blank",)


def test_a_page_in_one_colour_is_blank_whatever_the_colour() -> None:
    assert verdict_of(pdf_of_contents([b"0.1 0.2 0.5 rg 0 0 612 792 re f"])).is_blank


@pytest.mark.parametrize("shade", [0, 255])
def test_a_scan_without_text_layer_needs_ocr(shade: int) -> None:
    lines = set_lines(prose(random.Random(1), "en", 5))
    image = scan_of(random.Random(1), lines).point(lambda v: v if shade else 255 - v)

    verdict = verdict_of(pdf_of_runs([], image=image))

    assert verdict.needs_ocr
    assert not verdict.is_blank
    assert verdict.reasons == ("text_layer:none",)


def test_an_image_counts_as_ink() -> None:
    assert not verdict_of(pdf_of_runs([], image=photo(random.Random(1)), box=(200, 300, 260, 340))).is_blank


def test_a_white_image_does_not() -> None:
    assert verdict_of(pdf_of_runs([], image=Image.new("L", (100, 140), 250))).is_blank


def test_one_small_word_is_ink() -> None:
    document = pypdfium2.PdfDocument(pdf_of_contents([b"BT /F1 8 Tf 300 400 Td (word) Tj ET"]))

    assert 0.0001 < ink_ratio(document[0]) < 0.01


def test_ink_is_only_asked_for_where_it_decides() -> None:
    assert not judge(Measures(num_chars=2000, text_share=0.4)).needs_ink
    assert judge(Measures(num_chars=20, text_share=0.01, image_share=1.0)).needs_ink
    assert judge(Measures()).needs_ink


def test_quality_decides_by_the_option() -> None:
    measures = Measures(num_chars=1000, private=0.08, text_share=0.4)

    assert not judge(measures, None, TextOptions(min_quality=0.5)).needs_ocr
    assert judge(measures, None, TextOptions(min_quality=0.9)).needs_ocr
    assert judge(measures).reasons == ("text_layer:private_use",)


def test_a_shift_says_by_how_much() -> None:
    lines = set_lines(prose(random.Random(3), "en", 12), says=lambda s: "".join(chr(ord(c) + 1) for c in s))
    document = pypdfium2.PdfDocument(pdf_of_runs(lines))

    assert read_text_layer(document[0], TextOptions()).measures.shift == -1


def test_a_few_strange_characters_do_not_cost_the_page() -> None:
    runs = [*set_lines(prose(random.Random(3), "en", 12)), Run(60, 300, 10, "\uf0b7 \ufffd \uf0a7")]

    verdict = verdict_of(pdf_of_runs(runs))

    assert not verdict.needs_ocr
    assert 0.8 < verdict.quality <= 1


def test_the_corpus_is_judged_as_its_manifest_says(shared: Path) -> None:
    for line in (shared / "corpus" / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == "born_digital" and row["format"] == "pdf" and row["text_layer"] and row["pages"] <= 6:
            document = pypdfium2.PdfDocument(shared / "corpus" / row["path"])
            verdicts = [triage_page(document[i], TextOptions())[2] for i in range(len(document))]
            document.close()
            assert (sum(v.needs_ocr for v in verdicts) * 2 > len(verdicts)) == row["wrong_text_layer"], row["path"]


@pytest.mark.parametrize(("share", "reason"), [(0.55, "partial"), (0.65, "partial"), (0.9, "good"), (1.0, "good")])
def test_invisible_text_over_a_part_of_a_scan_is_partial(share: float, reason: str) -> None:
    lines = set_lines(prose(random.Random(5), "en", 40))
    layer = [run._replace(mode=3) for run in lines[: round(share * len(lines))]]

    verdict = verdict_of(pdf_of_runs(layer, image=scan_of(random.Random(5), lines)))

    assert verdict.reasons == (f"text_layer:{reason}",)
    assert verdict.needs_ocr == (reason == "partial")


def test_rotated_scans_are_judged_alike() -> None:
    lines = set_lines(prose(random.Random(5), "en", 30))
    image = scan_of(random.Random(5), lines)
    layer = [Run(60, 815, 9, "EXHIBIT A")]

    reasons = {verdict_of(pdf_of_runs(layer, image=image, rotate=r)).reasons for r in (0, 90, 180, 270)}

    assert reasons == {("text_layer:partial",)}


def test_ukrainian_in_the_latin_letter_that_looks_like_its_own_is_trusted() -> None:
    text = (
        "Усі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю і "
        "повинні діяти у відношенні один до одного в дусі братерства."
    )
    lines = [text[i : i + 70] for i in range(0, len(text), 70)] * 4

    verdict = verdict_of(pdf_of_runs(set_lines(lines, says=lambda line: line.replace("і", "i"))))

    assert not verdict.needs_ocr
    assert "text_layer:mixed_scripts" not in verdict.reasons


def test_names_of_commands_in_a_font_of_their_own_do_not_spoil_a_page_of_japanese() -> None:
    """Some fonts of such a page have names only, which are no words of any language."""
    line = "この命令は文字の幅と高さを比べて結果を返します"
    document = pypdfium2.PdfDocument(pdf_of_runs([Run(60, 780 - 20 * i, 10, line[i:] + line[:i]) for i in range(24)]))
    page = document[0]
    names = "pdfstrcmp ptexvbxkrn xkjfmpbt jvfkzmhp dvpdfmxq hjkcvbxz"
    for i in range(6):
        for x, font, text in ((60, b"Courier", names), (400, b"Helvetica", "general dimension special integer")):
            drawn = pdfium.FPDFPageObj_NewTextObj(document, font, 8)
            wide = ctypes.create_string_buffer(f"{text}\0".encode("utf-16-le"))
            pdfium.FPDFText_SetText(drawn, ctypes.cast(wide, pdfium.FPDF_WIDESTRING))
            pdfium.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, x, 200 - 20 * i)
            pdfium.FPDFPage_InsertObject(page, drawn)
    page.gen_content()

    layer, _, verdict = triage_page(page, TextOptions())

    assert "pdfstrcmp" in layer.text
    assert not verdict.needs_ocr
