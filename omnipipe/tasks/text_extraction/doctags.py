"""DocTags, the markup of the Docling models, as blocks. Never fails, whatever it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omnipipe.page import Block
from omnipipe.tasks.text_extraction.blocks import block
from omnipipe.tasks.text_extraction.boxes import share_box
from omnipipe.tasks.text_extraction.tables import Cell, table_html, table_text

GRID = 500
"""Boxes count in 500ths of the page: <loc_0> to <loc_500>."""

_TOKEN = re.compile(r"<(/?)([a-z]\w*)>")

_TYPES: Mapping[str, str] = {
    "title": "title",
    "text": "text",
    "paragraph": "text",
    "caption": "caption",
    "footnote": "footnote",
    "formula": "formula",
    "code": "code",
    "list_item": "list",
    "otsl": "table",
    "chart": "figure",
    "picture": "figure",
    "page_header": "header",
    "page_footer": "footer",
    "checkbox_selected": "text",
    "checkbox_unselected": "text",
}
_HEADING = "section_header_level_"
_CONTAINERS = frozenset(
    {"doctag", "unordered_list", "ordered_list", "inline", "document_index", "key_value_region", "form"}
)
_BOXES_TO_TICK = {"checkbox_selected": "☑ ", "checkbox_unselected": "☐ "}

_FILLED = frozenset({"fcel", "ched", "rhed", "srow"})
_HEADERS = frozenset({"ched", "rhed", "srow"})
_CELLS = _FILLED | {"ecel", "lcel", "ucel", "xcel", "nl"}
_KIND = re.compile(r"\A\s*(?:<\w+>)+")
"""What language a listing is in, or what a picture shows."""


@dataclass(slots=True)
class _Open:
    """An element that is not closed yet; `place` is where its block goes."""

    tag: str
    place: int
    text: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    cells: list[tuple[str, list[str]]] = field(default_factory=list)
    num_entries: int = 0

    def add(self, words: str) -> None:
        (self.cells[-1][1] if self.cells else self.text).append(words)


def blocks_of(markup: str) -> tuple[list[Block], bool]:
    """The parts that `markup` tells of, in its order, and whether it was DocTags throughout.

    Words outside of all elements become blocks of text; what an answer's end cut off is closed there.
    """
    return _Reader().read(markup)


class _Reader:
    def __init__(self) -> None:
        self._found: dict[int, Block] = {}
        self._open: list[_Open] = []
        self._next = 0
        self._is_clean = True

    def read(self, markup: str) -> tuple[list[Block], bool]:
        at = 0
        for token in _TOKEN.finditer(markup):
            if not self._is_known(token[2]):
                continue
            self._say(markup[at : token.start()])
            at = token.end()
            if token[1]:
                self._close(token[2])
            else:
                self._begin(token[2])
        self._say(markup[at:])
        while self._open:
            self._end(self._open.pop())
        return [self._found[place] for place in sorted(self._found)], self._is_clean

    def _is_known(self, tag: str) -> bool:
        in_table = tag in _CELLS and any(element.tag in ("otsl", "chart") for element in self._open)
        is_element = tag in _TYPES or tag in _CONTAINERS or tag.startswith((_HEADING, "loc_"))
        return is_element or in_table or tag == "page_break"

    def _begin(self, tag: str) -> None:
        if tag.startswith("loc_"):
            if self._open and tag[4:].isdigit():
                self._open[-1].numbers.append(int(tag[4:]))
        elif tag in _CELLS:
            table = next(element for element in reversed(self._open) if element.tag in ("otsl", "chart"))
            table.cells.append((tag, []))
        elif tag != "page_break":
            self._open.append(_Open(tag, self._next))
            self._next += 1

    def _close(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while True:
                element = self._open.pop()
                self._end(element)
                if element.tag == tag:
                    return

    def _say(self, words: str) -> None:
        element = next((element for element in reversed(self._open) if element.tag not in _CONTAINERS), None)
        if element is not None:
            element.add(words)
        elif words.strip():
            self._is_clean = False
            self._found[self._next] = block("text", words, None)
            self._next += 1

    def _end(self, element: _Open) -> None:
        if element.tag in _CONTAINERS:
            return
        box = share_box(element.numbers[:4], GRID, GRID)
        text = "".join(element.text).strip()
        kind = _TYPES.get(element.tag, "title")
        if kind == "title":
            level = _level(element.tag)
            made = block("title", text.lstrip("# "), box, level=level)
        elif element.cells:
            rows = _rows(element.cells)
            made = block("table", table_text(rows), box, html=table_html(rows))
        elif kind == "code":
            made = block("code", _KIND.sub("", text), box)
        elif kind == "figure":
            made = block("figure", _KIND.sub("", text), box)
        else:
            made = block(kind, self._marked(element, text), box)
        self._found[element.place] = made

    def _marked(self, element: _Open, text: str) -> str:
        if element.tag != "list_item":
            return _BOXES_TO_TICK.get(element.tag, "") + text
        parent = self._open[-1] if self._open else None
        if parent is None or parent.tag != "ordered_list":
            return text
        parent.num_entries += 1
        return text if re.match(r"\(?\w{1,3}[.)]\s", text) else f"{parent.num_entries}. {text}"


def _level(tag: str) -> int:
    number = tag.removeprefix(_HEADING)
    return min(6, int(number) + 1) if number.isdigit() and len(number) < 3 else 1


def _rows(cells: Sequence[tuple[str, list[str]]]) -> list[list[Cell]]:
    """Rows of OTSL: a cell grows over those to its right that say "left", and those below that say "up"."""
    grid: list[list[tuple[str, str]]] = [[]]
    for tag, words in cells:
        if tag == "nl":
            grid.append([])
        else:
            grid[-1].append((tag, "".join(words).strip()))
    grid = [row for row in grid if row]
    rows: list[list[Cell]] = []
    for y, row in enumerate(grid):
        made = []
        for x, (tag, text) in enumerate(row):
            if tag not in _FILLED and tag != "ecel" and not text:
                continue
            right = next(
                (n for n in range(x + 1, len(row)) if row[n][0] not in ("lcel", "xcel") or row[n][1]), len(row)
            )
            below = next((n for n in range(y + 1, len(grid)) if not _grows(grid[n], x)), len(grid))
            made.append(Cell(text, below - y, right - x, tag in _HEADERS))
        rows.append(made)
    return rows


def _grows(row: Sequence[tuple[str, str]], x: int) -> bool:
    return x < len(row) and row[x][0] in ("ucel", "xcel") and not row[x][1]
