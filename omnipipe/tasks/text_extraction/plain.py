"""Markdown without its marks."""

from __future__ import annotations

import re

from omnipipe.tasks.text_extraction.markup import text_of

_TABLE = re.compile(r"<table\b.*?(?:</table>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>")
_HEADING = re.compile(r"^ {0,3}#{1,6} +", re.MULTILINE)
_RULE = re.compile(r"^(?=[^\n]*---)[ |:-]+$\n?", re.MULTILINE)
_PIPES = re.compile(r"^ *\|(.*)\| *$", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")


def plain_text(markdown: str) -> str:
    """`markdown` without marks of headings, emphasis, links and tables; cells are apart by tabs. Formulas stay."""
    text = _TABLE.sub(lambda found: text_of(found[0]), markdown) if "<" in markdown else markdown
    text = _TAG.sub("", text)
    text = _HEADING.sub("", text)
    if "|" in text:
        text = _PIPES.sub(lambda row: "\t".join(cell.strip() for cell in row[1].split("|")), _RULE.sub("", text))
    return _LINK.sub(r"\1", _EMPHASIS.sub(r"\2", text)).strip()
