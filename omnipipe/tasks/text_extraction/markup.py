"""HTML that models write: its plain text, and the parts of a page that it marks. Never fails, whatever it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from html.parser import HTMLParser
from typing import NamedTuple

from omnipipe.page import Box
from omnipipe.tasks.text_extraction.boxes import around, share_box

_ROWS = frozenset({"tr", "p", "div", "br", "li", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "caption"})
_ENDS_PARAGRAPH = (_ROWS | {"pre", "figure", "blockquote", "address"}) - {"br", "tr", "li", "caption"}
_SEPARATORS: Mapping[str, str] = {
    **dict.fromkeys([tag for name in sorted(_ROWS) for tag in (name, f"/{name}")], "\n"),
    "td": "\t",
    "th": "\t",
}
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_TAG = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]*)[^<>]*>|<![a-zA-Z][^<>]*>")
_VOID = frozenset({"img", "br", "hr", "input", "meta", "link", "col", "source"})
_SPACES = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

Attributes = Sequence[tuple[str, str | None]]


class Element(NamedTuple):
    """One part of an HTML page: its tag, its classes, its plain text, its own markup and the box it claims."""

    tag: str
    classes: frozenset[str]
    text: str
    markup: str
    box: Box | None


def text_of(markup: str) -> str:
    """The words of `markup`: a line for each row, paragraph and entry, a tab between cells."""
    # Regular expressions take a fifth of the parser's time, and tables have hundreds of cells.
    flat = _SPACES.sub(" ", _COMMENT.sub("", markup))
    apart = _TAG.sub(lambda found: _SEPARATORS.get((found[1] or "").lower(), ""), flat)
    lines = ("\t".join(cell.strip() for cell in line.split("\t")) for line in apart.split("\n"))
    return unescape("\n".join(line.strip("\t") for line in lines if line.strip()))


def elements_of(markup: str, *, leaves: frozenset[str], box_attribute: str) -> list[Element]:
    """The outermost elements of `markup` with a tag or class of `leaves`, or four thousandths in `box_attribute`.

    Text outside of all of them comes as elements with the tag "". An element without a box takes that around those
    inside it.
    """
    reader = _Parts(leaves, box_attribute)
    _feed(reader, markup)
    return reader.end()


def _feed(reader: HTMLParser, markup: str) -> None:
    # The parser asserts that it knows what stands in "<![...": models need not.
    reader.feed(markup.replace("<![", "&lt;!["))
    reader.close()


class _Parts(HTMLParser):
    def __init__(self, leaves: frozenset[str], box_attribute: str) -> None:
        super().__init__(convert_charrefs=True)
        self._leaves = leaves
        self._box_attribute = box_attribute
        self._parts: list[Element] = []
        self._loose: list[str] = []
        self._open: list[str] = []
        self._classes: frozenset[str] = frozenset()
        self._markup: list[str] = []
        self._own: Box | None = None
        self._inner: list[Box] = []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        named = dict(attrs)
        numbers = _NUMBER.findall(named.pop(self._box_attribute, None) or "")
        box = share_box([float(number) for number in numbers], 1000, 1000)
        if not self._open:
            classes = frozenset((named.get("class") or "").split())
            if box is None and tag not in self._leaves and not classes & self._leaves:
                return
            self._end_loose()
            self._own, self._classes = box, classes
        else:
            self._end_paragraph(tag)
            if not self._open:
                self.handle_starttag(tag, attrs)
                return
            if box is not None:
                self._inner.append(box)
        rest = "".join(f' {name}="{escape(value)}"' if value else f" {name}" for name, value in named.items())
        self._markup.append(f"<{tag}{rest}>")
        if tag not in _VOID:
            self._open.append(tag)
        elif not self._open:
            self._end_part(tag)

    def _end_paragraph(self, tag: str) -> None:
        if tag in _ENDS_PARAGRAPH and self._open[-1] == "p":
            self.handle_endtag("p")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while self._open:
            closed = self._open.pop()
            self._markup.append(f"</{closed}>")
            if not self._open:
                self._end_part(closed)
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._open:
            self._markup.append(escape(data, quote=False))
        else:
            self._loose.append(data)

    def end(self) -> list[Element]:
        """All parts; what an answer's end cut off is closed."""
        if self._open:
            self.handle_endtag(self._open[0])
        self._end_loose()
        return self._parts

    def _end_part(self, tag: str) -> None:
        markup = "".join(self._markup)
        self._parts.append(Element(tag, self._classes, text_of(markup), markup, self._own or around(self._inner)))
        self._markup, self._inner = [], []

    def _end_loose(self) -> None:
        text = "".join(self._loose).strip()
        self._loose = []
        if text:
            self._parts.append(Element("", frozenset(), text, escape(text, quote=False), None))
