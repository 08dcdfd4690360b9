"""The default pipeline with a stage of one's own: pages that look like invoices get a flag.

    omnipipe run docs/ -o out/ -p pipelines/custom_stage.py

Copy this file and change the class: a stage takes pages and gives as many back, in the same order. What it raises costs
one page. Its settings are its fields, and change the run's config hash; so does its code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from omnipipe import Page, Pipeline, Stage
from omnipipe.stages.layout import Layout
from omnipipe.stages.ocr import Ocr
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render


class FlagWords(Stage):
    """Adds `flag` to the flags of pages whose text has at least `at_least` of the words."""

    words: tuple[str, ...] = Field(min_length=1, description="Words to look for; case does not matter.")
    at_least: int = Field(2, ge=1, description="How many different words a page must have.")
    flag: str = Field("invoice", min_length=1, description="What is added to the page's flags.")

    def wants(self, page: Page) -> bool:
        """Pages that have a text; the stages before have finished them, so they are not open any more."""
        return bool(page.text)

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """The same pages, some with one more flag."""
        return [page.with_(flags=(*page.flags, self.flag)) if self._matches(page) else page for page in pages]

    def _matches(self, page: Page) -> bool:
        found = set(re.findall(r"\w+", (page.text or "").casefold()))
        return len(found & {word.casefold() for word in self.words}) >= self.at_least


pipeline = Pipeline(
    "custom_stage",
    (
        Read(),
        Render(),
        Ocr(),
        Layout(),
        FlagWords(words=("invoice", "total", "vat", "due")),
    ),
)
