"""What each family makes of real-looking answers: markdown, blocks with boxes, and honest flags for the rest."""

from __future__ import annotations

import pytest

from omnipipe.model import ModelFamily
from omnipipe.page import Block, Page
from omnipipe.tasks.text_extraction.deepseek_ocr import DeepSeekOCRText
from omnipipe.tasks.text_extraction.dots_ocr import DotsOCRText
from omnipipe.tasks.text_extraction.granite_docling import GraniteDoclingText
from omnipipe.tasks.text_extraction.lighton_ocr import LightOnOCRText
from omnipipe.tasks.text_extraction.nanonets import NanonetsText
from omnipipe.tasks.text_extraction.olmocr import OlmOCRText
from omnipipe.tasks.text_extraction.paddleocr_vl import PaddleOCRVLText
from omnipipe.tasks.text_extraction.qwen.family import QwenText
from omnipipe.tasks.text_extraction.registry import families
from tests.families.answers import DEEPSEEK, DOCTAGS, DOTS, LIGHTON, NANONETS, OLMOCR, QWEN_HTML, parsed

SPANNED = '<table><tr><td colspan="2">a</td></tr><tr><td>b</td><td>c</td></tr></table>'


def kinds(page: Page) -> list[str]:
    return [block.type for block in page.blocks]


def first(page: Page, kind: str) -> Block:
    return next(block for block in page.blocks if block.type == kind)


def test_dots_ocr_gives_markdown_without_the_page_s_furniture() -> None:
    page = parsed(DotsOCRText(), DOTS)

    assert page.text == (
        "# Results\n\nProfit rose by **4 %**.\n\n- one\n- two\n\n"
        "$$\n\\frac{1}{2} + \\beta\n$$\n\n" + SPANNED + "\n\n## Outlook"
    )
    assert page.flags == ()


def test_dots_ocr_gives_every_part_as_a_block_in_shares_of_the_page() -> None:
    page = parsed(DotsOCRText(), DOTS)

    assert kinds(page) == [
        *("header", "title", "text", "list", "list", "formula", "table", "figure", "title", "footer"),
    ]
    assert [block.order for block in page.blocks] == list(range(10))
    assert page.blocks[1].bbox == (0.1, 0.05, 0.9, 0.1)
    assert first(page, "table").html == SPANNED
    assert first(page, "table").text == "a\nb\tc"
    assert {block.source for block in page.blocks} == {"dots_ocr"}


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (DOTS[: DOTS.index("rose") + 4], "Profit rose"),
        (DOTS.replace("**4 %**", 'a "lot"'), 'Profit rose by a "lot".'),
        ("Here is the layout:\n" + DOTS, "Profit rose by **4 %**."),
        ("I cannot read this page.", "I cannot read this page."),
        ('{"pages": 7}', '{"pages": 7}'),
    ],
    ids=["cut off", "bare quotes", "words before", "no JSON", "other JSON"],
)
def test_broken_json_keeps_its_text_and_says_so(answer: str, kept: str) -> None:
    page = parsed(DotsOCRText(), answer)

    assert page.text is not None
    assert kept in page.text
    assert "unparsed" in page.flags


def test_backslashes_of_latex_survive_json() -> None:
    single = '[{"bbox": [1, 1, 9, 9], "category": "Formula", "text": "\\alpha \\frac{a}{b} \\times \\rho \\beta"}]'

    page = parsed(DotsOCRText(), single)

    assert page.blocks[0].text == r"\alpha \frac{a}{b} \times \rho \beta"


def test_an_empty_layout_is_an_empty_page() -> None:
    page = parsed(DotsOCRText(), "```json\n[]\n```")

    assert (page.text, page.flags) == ("", ("no_text_found",))


def test_deepseek_marks_become_blocks_and_leave_the_text() -> None:
    page = parsed(DeepSeekOCRText(), DEEPSEEK)

    assert page.text == (
        "# Contexts\n\nLet $x$ be small.\n\n$$\nx_{t+1} = 3\n$$\n\n<center>Figure 1</center>\n\n## Method\n\n"
        '<table><tr><td rowspan="2">a</td><td>b</td></tr><tr><td>c</td></tr></table>'
    )
    assert kinds(page) == ["title", "text", "formula", "figure", "caption", "title", "table"]
    assert page.blocks[1].bbox == pytest.approx((100 / 999, 200 / 999, 600 / 999, 400 / 999))
    assert page.blocks[-1].bbox == (0.0, 0.0, 1.0, 1.0)


def test_deepseek_marks_are_known_without_their_special_tokens() -> None:
    stripped = DEEPSEEK.replace("<|ref|>", "").replace("<|/ref|>", "").replace("<|det|>", "").replace("<|/det|>", "")

    assert parsed(DeepSeekOCRText(), stripped) == parsed(DeepSeekOCRText(), DEEPSEEK)


def test_free_text_from_deepseek_stays_as_it_is() -> None:
    page = parsed(DeepSeekOCRText(), "# Title\n\nvalues[[1]] and more")

    assert (page.text, page.blocks, page.flags) == ("# Title\n\nvalues[[1]] and more", (), ())


def test_doctags_become_markdown() -> None:
    page = parsed(GraniteDoclingText(), DOCTAGS)

    assert page.text == (
        "## 5.1 Optimization\n\nIntro with a < b.\n\n"
        '<table><tr><th>A</th><th colspan="2">B</th></tr><tr><td rowspan="2">1</td><td>2</td><td>3</td></tr>'
        "<tr><td></td><td>4</td></tr></table>\n\nTable 1.\n\n- First\n- Second\n1. Alpha\n2. Beta\n\nFig 1.\n\n"
        "```\nprint(1)\n```\n\n$$\nx ^ { 2 }\n$$"
    )
    assert page.flags == ()


def test_doctags_boxes_are_five_hundredths_of_the_page() -> None:
    page = parsed(GraniteDoclingText(), DOCTAGS)

    assert first(page, "header").bbox == (0.318, 0.118, 0.732, 0.13)
    assert first(page, "table").text == "A\tB\n1\t2\t3\n\t4"
    assert first(page, "figure").text == ""


def test_doctags_that_are_cut_off_keep_what_they_say() -> None:
    page = parsed(GraniteDoclingText(), DOCTAGS[: DOCTAGS.index("<fcel>3")])

    assert page.text is not None
    assert page.text.endswith("<tr><td>1</td><td>2</td></tr></table>")


def test_words_outside_of_doctags_are_kept_and_flagged() -> None:
    page = parsed(GraniteDoclingText(), "15 20 300 30 Some words without tags")

    assert (page.text, page.flags) == ("15 20 300 30 Some words without tags", ("unparsed",))


def test_olmocr_s_front_matter_leaves_the_text() -> None:
    page = parsed(OlmOCRText(), OLMOCR)

    assert page.text == (
        "# Übersicht\n\nDie Fläche ist $a^2$.\n\n"
        '<table><tr><td colspan="2">x</td></tr></table>\n\n![A chart](page_10_20_300_400.png)'
    )
    assert (page.language, page.flags) == ("de", ())


def test_a_page_that_olmocr_takes_for_turned_is_flagged() -> None:
    turned = OLMOCR.replace("is_rotation_valid: True", "is_rotation_valid: False")

    assert parsed(OlmOCRText(), turned).flags == ("rotated",)


def test_a_page_that_olmocr_found_empty_has_no_text() -> None:
    page = parsed(OlmOCRText(), OLMOCR[: OLMOCR.index("# Ü")].replace(": de", ": null"))

    assert (page.text, page.language, page.flags) == ("", None, ("no_text_found",))


@pytest.mark.parametrize("answer", ["# Only markdown", "---\nprimary_language: en\nno end of it"])
def test_without_a_front_matter_olmocr_s_text_is_flagged(answer: str) -> None:
    assert (parsed(OlmOCRText(), answer).text, parsed(OlmOCRText(), answer).flags) == (answer, ("unparsed",))


def test_qwen_s_markdown_stays_as_it_is() -> None:
    answer = "# A title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n* x (y) / z #!"

    page = parsed(QwenText(), answer)

    assert (page.text, page.text_format, page.blocks, page.flags) == (answer, "markdown", (), ())


def test_qwen_s_html_gives_blocks_with_boxes() -> None:
    page = parsed(QwenText(), QWEN_HTML)

    assert page.text_format == "html"
    assert page.text == (
        "<h2>Fish &amp; chips</h2>\n<p>Five &lt; six\n</p>\n"
        '<div class="image"><img></div>\n<div class="formula"><img><div>$$x^2$$</div></div>\n'
        f"<ul><li>one</li><li>two</li></ul>\n{SPANNED}"
    )
    assert kinds(page) == ["title", "text", "figure", "formula", "list", "table"]
    assert page.blocks[0][:5] == ("title", (0.1, 0.05, 0.9, 0.1), 0, 2, "Fish & chips")
    assert page.blocks[3].bbox == (0.1, 0.51, 0.9, 0.53)


def test_qwen_s_comments_about_places_become_blocks() -> None:
    page = parsed(QwenText(), "Text\n<!-- Image (100, 200, 300, 400) -->\n<!-- a note -->\nmore")

    assert page.text == "Text\n<!-- a note -->\nmore"
    assert page.blocks[0][:2] == ("figure", (0.1, 0.2, 0.3, 0.4))


def test_qwen_s_tables_in_latex_become_html() -> None:
    answer = (
        "Before\n\n<!-- Table (100, 200, 900, 400) -->\n"
        "\\begin{tabular}{|l|p{3cm}|c|}\n\\hline\n"
        "\\multirow{2}{*}{Item} & \\multicolumn{2}{c|}{\\textbf{Cost \\& tax}} \\\\\n\\cline{2-3}\n"
        " & net & $x < 3$ \\\\[2pt]\n\\hline\nA\\_1 & 5 \\% & 6 \\\\\n\\hline\n\\end{tabular}\n\nAfter"
    )

    page = parsed(QwenText(), answer)

    table = (
        '<table><tr><td rowspan="2">Item</td><td colspan="2">Cost &amp; tax</td></tr>'
        "<tr><td>net</td><td>$x &lt; 3$</td></tr><tr><td>A_1</td><td>5 %</td><td>6</td></tr></table>"
    )
    assert page.text == f"Before\n\n{table}\n\nAfter"
    assert page.blocks[0][:2] == ("table", (0.1, 0.2, 0.9, 0.4))
    assert (page.blocks[0].html, page.blocks[0].text) == (table, "Item\tCost & tax\nnet\t$x < 3$\nA_1\t5 %\t6")


def test_a_latex_table_s_float_leaves_its_caption() -> None:
    answer = (
        "\\begin{table}[h]\n\\centering\n\\caption{Costs of {A}}\n\\begin{tabular}{ll}\n"
        "\\makecell{a \\\\ b} & \\shortstack[l]{c} \\\\\n\\end{tabular}\n\\label{tab:1}\n\\end{table}\nAfter"
    )

    page = parsed(QwenText(), answer)

    assert page.text == "Costs of {A}\n<table><tr><td>a b</td><td>c</td></tr></table>\nAfter"


def test_nanonets_tags_leave_the_text() -> None:
    page = parsed(NanonetsText(), NANONETS)

    assert page.text == (
        "# Lease\n\n☑ signed by Bob Ray\n\n![A house with a door]()\n\n<table><tr><td>1</td></tr></table>"
    )
    assert [(block.type, block.text) for block in page.blocks] == [("watermark", "OFFICIAL COPY"), ("footer", "9/22")]


def test_lighton_s_places_become_blocks() -> None:
    page = parsed(LightOnOCRText(), LIGHTON)

    assert page.text == "# Report\n\n![image](image_1.png)\n\nText with $x$.\n\n![image](image_2.png)"
    assert [block.bbox for block in page.blocks] == [(0.1, 0.2, 0.3, 0.4)]


def test_paddleocr_s_lines_stay() -> None:
    assert parsed(PaddleOCRVLText(), "one\ntwo \\( x \\)").text == "one\ntwo $x$"


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
@pytest.mark.parametrize("answer", ["", " \n ", "```markdown\n```", "<|im_end|>", "```\n\n```"])
def test_blank_answers_are_blank_pages(family: ModelFamily, answer: str) -> None:
    page = parsed(family, answer)

    assert (page.text, page.flags, page.blocks) == ("", ("no_text_found",), ())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("```markdown\n# A\n\nb\n```", "# A\n\nb"),
        ("```markdown\n# A\n\n```python\nx\n```\n\nend\n```", "# A\n\n```python\nx\n```\n\nend"),
        ("```markdown\n# cut off", "# cut off"),
        ("```\nplain\n```", "plain"),
        ("```python\nprint(1)\n```", "```python\nprint(1)\n```"),
        ("```\na\n```\nand\n```\nb\n```", "```\na\n```\nand\n```\nb\n```"),
        ("Text\n\n```\ncode\n```", "Text\n\n```\ncode\n```"),
        ("<think>Hm. A page.</think>\n\nText", "Text"),
        ("Text<|im_end|>\n", "Text"),
    ],
)
def test_what_is_around_an_answer_is_taken_off(answer: str, text: str) -> None:
    assert parsed(QwenText(), answer).text == text
