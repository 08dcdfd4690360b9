"""Answers as the models give them, and pages to parse them for."""

from __future__ import annotations

import json

from omnipipe.model import Completion, ModelFamily
from omnipipe.page import Page, Pixels

PIXELS = Pixels(b"\0" * 30, "raw", "RGB", 1000, 2000)
"""A picture of 1,000 x 2,000 pixels, as far as its sizes go."""


def page(image: Pixels | None = PIXELS) -> Page:
    """An open page."""
    return Page(doc_id="d", uri="memory", index=0, count=1, image=image)


def parsed(family: ModelFamily, text: str) -> Page:
    """The page that `family` makes of an answer."""
    return family.parse(page(), Completion(text=text, finish_reason="stop"))


DOTS = (
    '[{"bbox": [100, 40, 900, 80], "category": "Page-header", "text": "Annual report"},'
    ' {"bbox": [100, 100, 900, 200], "category": "Title", "text": "# Results"},'
    ' {"bbox": [100, 220, 900, 400], "category": "Text", "text": "Profit rose by **4 %**."},'
    ' {"bbox": [100, 420, 900, 440], "category": "List-item", "text": "- one"},'
    ' {"bbox": [100, 440, 900, 460], "category": "List-item", "text": "- two"},'
    ' {"bbox": [100, 480, 900, 560], "category": "Formula", "text": "$$\\\\frac{1}{2} + \\\\beta$$"},'
    ' {"bbox": [100, 600, 900, 900], "category": "Table",'
    ' "text": "<table><tr><td colspan=\\"2\\">a</td></tr><tr><td>b</td><td>c</td></tr></table>"},'
    ' {"bbox": [100, 920, 900, 1400], "category": "Picture"},'
    ' {"bbox": [100, 1420, 900, 1440], "category": "Section-header", "text": "Outlook"},'
    ' {"bbox": [480, 1900, 520, 1940], "category": "Page-footer", "text": "7"}]'
)

DEEPSEEK = (
    "<|ref|>title<|/ref|><|det|>[[205, 132, 790, 157]]<|/det|>\n# Contexts \n\n"
    "<|ref|>text<|/ref|><|det|>[[100, 200, 500, 300], [100, 310, 600, 400]]<|/det|>\nLet \\(x\\) be small. \n\n"
    "<|ref|>equation<|/ref|><|det|>[[115, 535, 583, 588]]<|/det|>\n\\[ x_{t+1} = 3 \\] \n\n"
    "<|ref|>image<|/ref|><|det|>[[120, 81, 875, 504]]<|/det|>\n \n\n"
    "<|ref|>image_caption<|/ref|><|det|>[[120, 510, 875, 530]]<|/det|>\n<center>Figure 1</center>\n\n"
    "<|ref|>sub_title<|/ref|><|det|>[[450, 263, 547, 283]]<|/det|>\nMethod\n\n"
    "<|ref|>table<|/ref|><|det|>[[0, 0, 999, 999]]<|/det|>\n"
    '<table><tr><td rowspan="2">a</td><td>b</td></tr><tr><td>c</td></tr></table><｜end▁of▁sentence｜>'
)

DOCTAGS = (
    "<doctag><page_header><loc_159><loc_59><loc_366><loc_65>Running Title</page_header>\n"
    "<section_header_level_1><loc_110><loc_106><loc_260><loc_112>5.1 Optimization</section_header_level_1>\n"
    "<text><loc_109><loc_75><loc_393><loc_96>Intro with a < b.</text>\n"
    "<otsl><loc_114><loc_212><loc_388><loc_297><ched>A<ched>B<lcel><nl><fcel>1<fcel>2<fcel>3<nl>"
    "<ucel><ecel><fcel>4<nl><caption><loc_109><loc_173><loc_393><loc_206>Table 1.</caption></otsl>\n"
    "<unordered_list><list_item><loc_1><loc_2><loc_3><loc_4>First</list_item><list_item>Second</list_item>"
    "</unordered_list>\n"
    "<ordered_list><list_item>Alpha</list_item><list_item>Beta</list_item></ordered_list>\n"
    "<picture><loc_5><loc_6><loc_7><loc_8><bar_chart><caption>Fig 1.</caption></picture>\n"
    "<code><loc_1><loc_2><loc_3><loc_4><_Python_>print(1)</code>\n"
    "<formula><loc_1><loc_2><loc_3><loc_9>x ^ { 2 }</formula>\n"
    "<page_footer><loc_240><loc_480><loc_260><loc_490>5</page_footer>\n</doctag><|end_of_text|>"
)

OLMOCR = (
    "---\nprimary_language: de\nis_rotation_valid: True\nrotation_correction: 0\nis_table: False\n"
    "is_diagram: False\n---\n"
    "# Übersicht\n\nDie Fläche ist \\(a^2\\).\n\n"
    '<table><tr><td colspan="2">x</td></tr></table>\n\n![A chart](page_10_20_300_400.png)'
)

QWEN_HTML = (
    '```html\n<!DOCTYPE html><html><body>\n<h2 data-bbox="100 50 900 100">Fish &amp; chips</h2>\n'
    '<p data-bbox="100 120 900 300">Five &lt; six\n'
    '<div class="image" data-bbox="100 320 900 500"><img data-bbox="110 330 890 490"/></div>\n'
    '<div class="formula"><img data-bbox="100 510 900 530"/><div>$$x^2$$</div></div>\n'
    '<ul data-bbox="100 540 900 600"><li data-bbox="100 540 900 570">one</li><li>two</li></ul>\n'
    '<table data-bbox="100 620 900 800"><tr><td colspan="2">a</td></tr><tr><td>b</td><td>c</td></tr></table>\n'
    "</body></html>\n```<|im_end|>"
)

NANONETS = (
    "<watermark>OFFICIAL COPY</watermark>\n# Lease\n\n☑ signed by <signature>Bob Ray</signature>\n\n"
    "<img>A house\nwith a door</img>\n\n<table><tr><td>1</td></tr></table>\n\n<page_number>9/22</page_number>"
)

LIGHTON = "# Report\n\n![image](image_1.png)100,200,300,400\n\nText with $x$.\n\n![image](image_2.png)"


def dense_answers() -> dict[str, str]:
    """A page of six long paragraphs and a table of 25 rows and 6 columns, as each family would answer it."""
    paragraph = "The value of the report (12.5 %) rose in the year, and income with it. " * 8
    rows = ["report value"] * 25
    lines = (f"<tr>{f'<td>{cell}</td>' * 6}</tr>" for cell in rows)
    html = f"<table>{''.join(lines)}</table>"
    markdown = "\n\n".join(["# Title", *[paragraph] * 6, html, "\\(x^2\\) and \\[ y \\]"])
    body = " \\\\\n".join(" & ".join([cell] * 6) for cell in rows)
    tabular = f"\\begin{{tabular}}{{llllll}}{body}\\end{{tabular}}"
    entries = [
        {"bbox": [10, 10, 900, 40], "category": "Title", "text": "# Title"},
        *({"bbox": [10, 50, 900, 90], "category": "Text", "text": paragraph} for _ in range(6)),
        {"bbox": [10, 500, 900, 900], "category": "Table", "text": html},
    ]
    marked = f"<|ref|>text<|/ref|><|det|>[[100, 100, 500, 190]]<|/det|>\n{paragraph}\n\n" * 6
    tags = f"<text><loc_10><loc_50><loc_400><loc_90>{paragraph}</text>\n" * 6
    cells = "".join("".join(f"<fcel>{cell}" for _ in range(6)) + "<nl>" for cell in rows)
    return {
        "qwen": f"{markdown}\n\n<!-- Table (100, 200, 900, 400) -->\n{tabular}",
        "olmocr": OLMOCR[: OLMOCR.index("# Ü")] + markdown,
        "dots_ocr": json.dumps(entries),
        "deepseek_ocr": f"{marked}<|ref|>table<|/ref|><|det|>[[0, 700, 999, 999]]<|/det|>\n{html}",
        "lighton_ocr": markdown,
        "nanonets": f"{markdown}\n\n<page_number>3</page_number>",
        "granite_docling": f"<doctag>{tags}<otsl><loc_1><loc_300><loc_499><loc_490>{cells}</otsl></doctag>",
        "paddleocr_vl": markdown,
    }
