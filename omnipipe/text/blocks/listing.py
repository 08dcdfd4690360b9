"""Lists: bullets and numbers at the start of a line, nested by their indent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omnipipe.text.blocks.paragraphs import HYPHENS, ends_sentence
from omnipipe.text.style import BOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.blocks.rows import Row
    from omnipipe.text.part import Part

_BULLETS = "•◦▪▫‣⁃●○■□◆◇➢➤►▶✓✔–—*·∙o\uf0b7\uf0a7-"
_CLOSE = "•◦▪‣⁃●➢➤►▶・"
"""Those of them that are nothing else, also where no space follows, as in Japanese."""
BULLET = re.compile(rf"^(?:[{_BULLETS}]\s+(?=\S)|[{_CLOSE}](?=[^\W_]|[\\<「『（]))")
_LETTER = "[a-zA-Z\u05d0-\u05ea\u0621-\u064a]"
_HAN = "[一二三四五六七八九十]"
_IN_CJK = rf"[①-⑳⑴-⒇]|（(?:\d{{1,2}}|[a-z]|{_HAN}{{1,3}}|[ア-ン])）|\d{{1,2}}[．、](?!\d)|{_HAN}{{1,2}}、"
"""Numbers that are part of their text, without a space."""
NUMBER = re.compile(
    rf"^(?:(?:\(?(?:\d{{1,3}}|{_LETTER}|[ivxIVX]{{1,5}})[.)]|\(?[а-яёα-ω]\)|\[\d{{1,3}}\])\s+|(?:{_IN_CJK})\s*)(?=\S)"
)
_CJK_HEAD = re.compile(_IN_CJK)
_PARTS = re.compile(r"([(\[]?)(\w+)([.)\]])")
_GOES_ON = frozenset(",&–" + HYPHENS)
"""Ends of lines that an initial goes on from, as from a word in small letters."""
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_FULL = 1.2
"""Font sizes; a line that ends no further from the edge of its column is full."""

_MARKDOWN_NUMBER = re.compile(r"^\d{1,3}[.)] ")
_RULE = re.compile(r"^(?:[^\w\s]\s+){3}")
"""Signs in a row: a rule or a part of a drawing, to markdown a line or lists in a list."""

_SIGN = re.compile(r"^[^\w\s]\s+(?=\S)")
_MAX_DEPTH = 4


def is_marked(text: str) -> bool:
    """Whether `text`, a row, starts with a bullet or a number."""
    return _may_be_marked(text) and bool(BULLET.match(text) or NUMBER.match(text))


def _may_be_marked(text: str) -> bool:
    """A quick answer that is sometimes yes: most texts open with a word, and end here."""
    head = text[:7]
    if (text[1:2].isspace() and text[0] in _BULLETS) or "." in head or ")" in head or "]" in head:
        return True
    return not text[:3].isascii() and (text[0] in _CLOSE or bool(_CJK_HEAD.match(text)))


def is_wrapped(previous: Row, row: Row, rows: Sequence[Row], edge: float) -> bool:
    """Whether the number at the start of `row` belongs to the sentence that breaks off in the full line above it: no
    other of `rows` counts on from it, or up to it, at the same place."""
    text, em = row.text, row.size
    if previous.right < edge - _FULL * em or (previous.style ^ row.style) & BOLD:
        return False
    if ends_sentence(previous.text) or not NUMBER.match(text):
        return False
    # Authors and choices of an answer open with a capital as well.
    last = (previous.text.split() or [""])[-1].strip("\"'“”‘’([")
    if text[0].isupper() and not (last[:1].islower() or last[-1:] in _GOES_ON):
        return False
    near = _near_numbers(text)
    return not any(
        abs(other.left - row.left) < 0.5 * em and other.text.startswith(near) for other in rows if other is not row
    )


def _near_numbers(text: str) -> tuple[str, ...]:
    """How items before and after the one that opens `text` start."""
    match = _PARTS.match(text)
    if not match:
        return ()
    before, body, after = match.groups()
    found: list[str] = []
    if body.isdecimal():
        found = [str(int(body) + step) for step in (-1, 1)]
    elif len(body) == 1:
        found = [chr(ord(body) + step) for step in (-1, 1)]
    if body.lower() in _ROMAN:
        at = _ROMAN.index(body.lower())
        romans = _ROMAN[max(0, at - 1) : at] + _ROMAN[at + 1 : at + 2]
        found += [roman if body.islower() else roman.upper() for roman in romans]
    return tuple(f"{before}{one}{after}" for one in found)


def as_item(text: str) -> str | None:
    """`text` as an item of a list in markdown; None where it is none."""
    if not _may_be_marked(text):
        return None
    bullet = BULLET.match(text)
    if bullet and not _RULE.match(text):
        return "- " + text[bullet.end() :]
    return text if NUMBER.match(text) else None


def unmarked_item(text: str) -> str:
    """`text`, which is an item whatever it starts with, in markdown; a single sign before it is its bullet."""
    return "- " + _SIGN.sub("", text)


def nest(parts: list[Part]) -> list[Part]:
    """The blocks of a column, items of lists indented under the item that they stand to the right of.

    Where the file names the depth of lists that counts, and not the place.
    """
    nested: list[Part] = []
    outer: list[tuple[float, int, int]] = []
    for part in parts:
        if part.type != "list":
            # Indented text after a paragraph at the margin would be code.
            outer = []
            nested.append(part)
            continue
        while outer and not _is_under(part, outer[-1][0], outer[-1][2]):
            outer.pop()
        indent = outer[-1][1] if len(outer) <= _MAX_DEPTH and outer else 0
        if indent:
            part = part._replace(text="\n".join(" " * indent + line for line in part.text.split("\n")))
        marker = part.text[indent:]
        number = _MARKDOWN_NUMBER.match(marker)
        width = 2 if marker.startswith("- ") else number.end() if number else 0
        outer.append((part.left, indent + width, part.depth))
        nested.append(part)
    return nested


def _is_under(part: Part, left: float, depth: int) -> bool:
    """Whether an item belongs to one before it, which starts at `left` in a list of this depth."""
    return part.depth > depth if part.depth and depth else part.left >= left + 0.7 * part.size
