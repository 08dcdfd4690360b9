"""A block's text without the markup of markdown: what `text` output and exports say."""

from __future__ import annotations

import re
from collections.abc import Iterable

from omnipipe.text.compose import NEVER_SHOWN, PAGE_FURNITURE
from omnipipe.text.tables.markup import to_plain

_FENCE = re.compile(r"\A(```|~~~~)\n(.*)\n\1\Z", re.DOTALL)
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((?:https?://|mailto:)[^()\s]+\)", re.IGNORECASE)
_STRONG = re.compile(r"(?<!\w)(\*{1,3})(?=[^\s*])([^*\n]+)(?<=[^\s*])\1(?!\w)")
_ESCAPED = re.compile(r"^\\(?=[#>+*`~=_-])", re.MULTILINE)


def plain_page(blocks: Iterable[tuple[str, str | None, str | None]], markdown: str | None) -> str:
    """The text of a page of `blocks` (type, text, source), an empty line between two.

    Running heads, page numbers and the like are in it where the page's `markdown` has them.
    """
    shown = set((markdown or "").split("\n\n"))
    return "\n\n".join(
        plain_text(text, kind, source)
        for kind, text, source in blocks
        if text and kind != NEVER_SHOWN and (kind not in PAGE_FURNITURE or text in shown)
    )


def plain_text(text: str, kind: str = "text", source: str | None = "text_layer") -> str:
    """`text`, that of a block of type `kind`, as it is printed on the page.

    Code keeps its lines without the fence, links keep their words, cells of a table are parted by tabs. What others
    than the text layer found (`source`) has no such markup, and stays as it is.
    """
    if kind == "table":
        return to_plain(text)
    if source != "text_layer":
        return text
    if kind == "code":
        fenced = _FENCE.match(text)
        return fenced.group(2) if fenced else text
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "*" in text:
        text = _STRONG.sub(r"\2", text)
    return _ESCAPED.sub("", text) if "\\" in text else text
