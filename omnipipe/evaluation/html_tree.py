"""HTML as a tree, as lenient as browsers are not: a tag that is never closed holds all that follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_COMMENT = re.compile(r"<!--.{0,5000}?-->", re.DOTALL)
# The parser of the standard library takes the square of the length for signs that never become a tag.
# A sign inside a tag is part of its name or of an attribute's, as in the bench; in quotes it would take the square too.
_NO_TAG = re.compile(r"<(?!/?[a-zA-Z](?:[^<>]|<(?=[^\"'>]{0,1000}>)){0,1000}>)")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr"}
)

# Tags inside so many others are put beside each other: every level is walked through again by the ones above.
_DEEPEST = 32


@dataclass(slots=True, eq=False)
class Element:
    """A tag with its attributes and, in order, the texts and elements in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def find_all(self, *names: str) -> Iterator[Element]:
        """All elements of these names inside, in the order of the text, however deep."""
        return (node for node in self._inside() if isinstance(node, Element) and node.name in names)

    def text(self) -> str:
        """All text inside; a line break for every `br`."""
        return "".join(self._pieces())

    def number(self, attribute: str, most: int) -> int:
        """An attribute that is a whole number, 1 to `most`; 1 where it is missing or anything else."""
        value = self.attributes.get(attribute, "").strip()
        return min(most, max(1, int(value))) if value.isdecimal() and len(value) < 10 else 1

    def _inside(self) -> Iterator[Element | str]:
        waiting: list[Element | str] = list(reversed(self.children))
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, Element):
                waiting.extend(reversed(node.children))

    def _pieces(self) -> Iterator[str]:
        for node in self._inside():
            if isinstance(node, str):
                yield node
            elif node.name == "br":
                yield "\n"


def parse_html(text: str) -> Element:
    """The tree of `text`, under an element without a name. Nothing is ever refused."""
    builder = _Builder()
    builder.feed(_NO_TAG.sub("&lt;", _COMMENT.sub("", text)))
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID and len(self._open) < _DEEPEST:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].name == tag:
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)
