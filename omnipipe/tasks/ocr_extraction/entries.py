"""Lines of tables of contents, indexes and price lists: an entry, dots, and its number."""

from __future__ import annotations

import re

_LEADER = re.compile(r"…|(?:[.·]\s?){3}[\s.·…]*")
_NUMBER = re.compile(r"(?:[A-Z]-?)?\d[\d\s,.;:–-]*|[ivxlc]+")
"""Numbers of pages, and prices."""


def is_number(text: str) -> bool:
    """Whether `text` is what dots lead to: a number, some of them, or one in Roman letters."""
    return _NUMBER.fullmatch(text.strip()) is not None


def is_entry(text: str) -> bool:
    """Whether a line is one of a table of contents, of an index or of a price list: dots lead to its number."""
    leaders = [*_LEADER.finditer(text)]
    if not leaders or not any(map(str.isalpha, text[: leaders[-1].start()])):
        return False
    return is_number(text[leaders[-1].end() :])
