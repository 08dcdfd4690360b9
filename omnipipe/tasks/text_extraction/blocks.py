"""Parts of a page as models name them, as our blocks, and blocks as markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from omnipipe.page import Block, Box

_HEADING = re.compile(r"\A(#{1,6})\s+")
_ENTRY = re.compile(r"\A\s*(?:[-*+•·‣▪◦–☐☑☒]|\(?\w{1,3}[.)])\s")
_LATEX = re.compile(r"\A\s*(?:\$\$?|\\\[)\s*(.*?)\s*(?:\$\$?|\\\])\s*\Z", re.DOTALL)

FURNITURE = frozenset({"header", "footer", "watermark"})
"""Types of blocks that are no part of a page's text: they are kept as blocks alone."""


def block(kind: str, text: str, box: Box | None, *, level: int | None = None, html: str | None = None) -> Block:
    """A part of a page; of a title the marks of markdown are taken off and tell its level.

    Its place and source are given by `ordered`.
    """
    text = text.strip()
    if kind == "title":
        found = _HEADING.match(text)
        if found:
            level, text = len(found[1]), text[found.end() :]
    elif kind == "formula":
        bare = _LATEX.match(text)
        text = bare[1] if bare else text
    return Block(kind, box, 0, (level or 1) if kind == "title" else None, text, html)


def ordered(blocks: Iterable[Block], source: str) -> tuple[Block, ...]:
    """`blocks` in their order, found by the family `source`."""
    return tuple(block._replace(order=order, source=source) for order, block in enumerate(blocks))


def markdown_of(blocks: Iterable[Block]) -> str:
    """`blocks` as markdown; tables are the HTML that came with them, pictures and the page's furniture are left out."""
    pieces: list[str] = []
    last = ""
    for part in blocks:
        piece = _markdown(part)
        if not piece:
            continue
        if pieces:
            pieces.append("\n" if part.type == last == "list" else "\n\n")
        pieces.append(piece)
        last = part.type
    return "".join(pieces)


def _markdown(part: Block) -> str:
    if part.type in FURNITURE or part.type == "figure":
        return ""
    if part.type == "table":
        return part.html or part.text
    if not part.text:
        return ""
    if part.type == "title":
        return f"{'#' * (part.level or 1)} {part.text}"
    if part.type == "list" and not _ENTRY.match(part.text):
        return f"- {part.text}"
    if part.type == "formula":
        return f"$$\n{part.text}\n$$"
    if part.type == "code" and not part.text.startswith("```"):
        return f"```\n{part.text}\n```"
    return part.text
