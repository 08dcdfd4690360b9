"""What a named extractor answers for one picture, and the formats that it can answer in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from omnipipe.model import Completion, OutputFormat
from omnipipe.page import Page
from omnipipe.tasks.text_extraction.blocks import markdown_of
from omnipipe.tasks.text_extraction.markup import text_of
from omnipipe.tasks.text_extraction.plain import plain_text


class TextFormat(StrEnum):
    """The formats of `extract`; their plain strings do as well.

    `json` is an object with `text` and `blocks` (type, bbox as shares of the page, order, level, text, html); `text` is
    the markdown without its marks.
    """

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class TextResult:
    """The text of one picture: `content` in `output_format`, the `page` it was made from, and the model's own answer.

    `page.flags` says what went wrong on the way (`unparsed`, `no_text_found`), `completion.finish_reason` whether the
    answer is whole.
    """

    content: str
    output_format: str
    page: Page
    completion: Completion

    @property
    def word_count(self) -> int:
        """Words of `content`, split at white space."""
        return len(self.content.split())

    @property
    def content_length(self) -> int:
        """Characters of `content`."""
        return len(self.content)


def result_of(page: Page, completion: Completion, output_format: OutputFormat) -> TextResult:
    """The result for `page`, as a family parsed it.

    What was asked for in HTML stays what the model made of it: where it wrote markdown, the result's `output_format`
    says so.
    """
    text = page.text or ""
    if output_format == "json":
        return TextResult(_json(page), "json", page, completion)
    if output_format == "text":
        words = text_of(text) if page.text_format == "html" else plain_text(text)
        return TextResult(words, "text", page, completion)
    return TextResult(text, page.text_format or output_format, page, completion)


def _json(page: Page) -> str:
    blocks = [{name: value for name, value in block._asdict().items() if value is not None} for block in page.blocks]
    text = markdown_of(page.blocks) if page.text_format == "html" else page.text or ""
    return json.dumps({"text": text, "blocks": blocks}, ensure_ascii=False, indent=2)
