"""Qwen3-VL: how it is asked for a page, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from omnipipe.model import Checkpoint, OutputFormat
from omnipipe.page import Block, Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.blocks import block, ordered
from omnipipe.tasks.text_extraction.boxes import share_box
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.latex_table import with_html_tables
from omnipipe.tasks.text_extraction.markup import Element, elements_of, text_of

_SIZE = re.compile(r"\AQwen/Qwen3-VL-(\d[^-]*(?:-A\d+B)?)-")
_SIZES = ("2B", "4B", "8B", "32B", "30B-A3B", "235B-A22B")

_IS_HTML = re.compile(r"\A\s*(?:<!DOCTYPE html|<html|<body|<\w+[^<>]*\sdata-bbox=)", re.IGNORECASE)
_PLACE = re.compile(
    r"<!--\s*(?P<kind>Image|Table|Figure)\s*\((?P<box>[\d\s.,]*)\)\s*-->\n?"
    r"(?P<table>\s*<table\b(?:(?!<table\b).)*?</table>)?",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_KINDS: Mapping[str, str] = {
    **{f"h{level}": "title" for level in range(1, 7)},
    **dict.fromkeys(("ul", "ol", "dl", "list"), "list"),
    **dict.fromkeys(("img", "figure", "image", "chart", "svg"), "figure"),
    **dict.fromkeys(("figcaption", "caption"), "caption"),
    "table": "table",
    "formula": "formula",
    "pre": "code",
    "header": "header",
    "footer": "footer",
}
_LEAVES = frozenset({*_KINDS, "p", "blockquote", "address"})


def _published(size: str, billions: float) -> Checkpoint:
    name = f"Qwen3-VL-{size}-Instruct"
    return Checkpoint(f"Qwen/{name}", billions, "Apache-2.0", f"mlx-community/{name}-4bit")


class QwenText(PageFamily):
    """Qwen3-VL (model cards Qwen/Qwen3-VL-*-Instruct, Apache-2.0; document parsing as in the authors' cookbook).

    The grid is 32 pixels (patches of 16, merged two by two); a page at 150 dpi is some 2,000 tokens. The prompts are
    the authors' own: `qwenvl markdown` gives tables in LaTeX, which become HTML, and places of tables and pictures in
    thousandths of the page; `qwenvl html` gives the place of everything. The sampling that the cards advise
    (temperature 0.7, presence penalty) is for conversation: a page is read greedily.
    """

    name: ClassVar[str] = "qwen"
    label: ClassVar[str] = "Qwen3-VL"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        _published("2B", 2.1),
        _published("4B", 4.4),
        _published("8B", 8.8),
        _published("32B", 33.4),
        _published("30B-A3B", 31.1),
        _published("235B-A22B", 236.0),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(
        dpi=150, longest_side=3072, max_pixels=4608 * 32 * 32, multiple_of=32, format="jpeg", quality=90
    )
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "html", "json", "text")
    prompts: ClassVar[Mapping[OutputFormat, str]] = {
        "markdown": "qwenvl markdown",
        "html": "qwenvl html",
        "json": "qwenvl html",
    }

    def read(self, said: str, page: Page) -> Answer:
        """Markdown with tables as HTML, and blocks for tables and pictures; of HTML every part is a block."""
        if _IS_HTML.match(said):
            elements = elements_of(said, leaves=_LEAVES, box_attribute="data-bbox")
            blocks = ordered((_block(element) for element in elements), self.name)
            return Answer("\n".join(element.markup for element in elements), blocks, text_format="html")
        said = with_html_tables(said)
        if "<!--" not in said:
            return Answer(said)
        blocks = ordered((_placed(found) for found in _PLACE.finditer(said)), self.name)
        return Answer(_PLACE.sub(lambda found: found["table"] or "", said).strip(), blocks)

    def check_model(self, model: str) -> None:
        """See `ModelFamily.check_model`: sizes that were never published are named with those that were."""
        found = _SIZE.match(model)
        if found and found[1] not in _SIZES:
            raise ValueError(f"there is no {model}: Qwen3-VL has no size {found[1]}. Sizes are: {', '.join(_SIZES)}")


def _placed(found: re.Match[str]) -> Block:
    kind, table = _KINDS[found["kind"].lower()], (found["table"] or "").strip()
    box = share_box([float(number) for number in _NUMBER.findall(found["box"])], 1000, 1000)
    return block(kind, text_of(table), box, html=table or None)


def _block(element: Element) -> Block:
    kind = _KINDS.get(element.tag, "text")
    for name in element.classes & _KINDS.keys():
        kind = _KINDS[name]
    level = int(element.tag[1]) if kind == "title" and element.tag[1:].isdigit() else None
    return block(kind, element.text, element.box, level=level, html=element.markup if kind == "table" else None)
