"""What the structure tree of a tagged PDF says of a page's words: headings, items of lists, captions, paragraphs."""

from __future__ import annotations

import ctypes
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import Handle, bare, handle_of

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.blocks.rows import Row
    from omnipipe.text.words.chars import Words

_MAX_PAGES = 200
"""Documents with more pages than this are left alone: for each page PDFium goes through all that stands beside its
elements in the tree, which takes 0.4 ms in a document of 100 pages and 10 ms in one of 500."""

_MAX_OBJECTS = 600
"""Pages with more text objects than this are large tables or drawings."""

_MAX_CONTENT = 200
"""Pages with more pieces of marked content than this are left alone: their tree would take longer than their text."""

_MAX_ELEMENTS, _MAX_KIDS = 300, 1500
"""Elements of a page, and what these have below them, that are looked at before a tree is given up."""

_MIN_COVERED = 0.9
"""Share of the page's characters that a good tree has in its elements."""

_HEADINGS = {"Title": 1, "H": 2, **{f"H{level}": level for level in range(1, 7)}}
_BLOCKS = {
    **dict.fromkeys(("P", "BlockQuote", "TOCI", "Index", "Code"), "text"),
    **dict.fromkeys(("Document", "Part", "Art", "Sect", "Div", "TOC"), "group"),
    **dict.fromkeys(_HEADINGS, "title"),
    "L": "lists",
    "LI": "list",
    "Caption": "caption",
    "Note": "note",
    "Figure": "figure",
    "Table": "table",
}
"""The kinds of elements that are blocks; others (Span, Link, Lbl, LBody, TD) are part of the block around them."""

_KINDS = {name.encode("utf-16-le"): (kind, _HEADINGS.get(name, 0), name) for name, kind in _BLOCKS.items()}
_INLINE = ("", 0, "")

_P = ctypes.c_void_p
_BUFFER = 64
_ZERO = np.zeros(1, np.intp)
_buffer = ctypes.create_string_buffer(_BUFFER)
_SIZE = ctypes.c_ulong(_BUFFER)
_content_id = bare(pdfium.FPDFPageObj_GetMarkedContentID, ctypes.c_int, by_address=True)
_count_roots = bare(pdfium.FPDF_StructTree_CountChildren, ctypes.c_int)
_root = bare(pdfium.FPDF_StructTree_GetChildAtIndex, ctypes.c_void_p)
_count = bare(pdfium.FPDF_StructElement_CountChildren, ctypes.c_int)
_child = bare(pdfium.FPDF_StructElement_GetChildAtIndex, ctypes.c_void_p)
_child_id = bare(pdfium.FPDF_StructElement_GetChildMarkedContentID, ctypes.c_int)
_type = bare(pdfium.FPDF_StructElement_GetType, ctypes.c_ulong)


class Tag(NamedTuple):
    """A block of the tree: its kind, and the level of a heading (1 to 6) or of an item's list (from 1).

    Kinds are title, list (an item), caption, note, figure, table, text, and group: text outside of any paragraph.
    """

    kind: str
    level: int = 0


NO_TAG = Tag("")
_PLAIN = {"text", "group", "figure", "table"}


class Tags(NamedTuple):
    """The blocks of a good tree in its order, and of each word of the page the place of its block; -1 for none."""

    blocks: list[Tag]
    of_word: list[int]

    @property
    def has_titles(self) -> bool:
        """Whether the tree names headings on this page: what it then calls an item is none."""
        return any(block.kind == "title" for block in self.blocks)


def read_tags(page: pypdfium2.PdfPage, words: Words, objects: NDArray[np.uint64]) -> Tags | None:
    """What the structure tree says of `words`; None where there is no good one.

    `objects` are the addresses of the words' text objects. A good tree has nearly all of the page's text in it.
    """
    document = page.pdf.raw
    if not pdfium.FPDFCatalog_IsTagged(document) or pdfium.FPDF_GetPageCount(document) > _MAX_PAGES:
        return None
    starts = np.concatenate((_ZERO, (objects[1:] != objects[:-1]).nonzero()[0] + 1))
    runs = objects[starts].tolist()
    found = list(dict.fromkeys(runs))
    if len(found) > _MAX_OBJECTS:
        return None
    # Of what it does not know PDFium answers that it has none, which is -1.
    numbers = dict(zip(found, map(_content_id, found), strict=True))
    ids = list(map(numbers.__getitem__, runs))
    # The number of pieces of content tells how large the tree is, before PDFium builds it, and words without any are in
    # no tree.
    if not 0 < len(set(ids) - {-1}) <= _MAX_CONTENT:
        return None
    lengths = np.add.reduceat(words.last - words.first, starts)
    least = _MIN_COVERED * int(np.add.reduce(lengths))
    if int(np.add.reduce(lengths[np.array(ids, np.intp) != -1])) < least:
        return None
    tree = pdfium.FPDF_StructTree_GetForPage(page.raw)
    if not tree:
        return None
    try:
        walk = _Walk(handle_of(tree))
    finally:
        pdfium.FPDF_StructTree_Close(tree)
    if not walk.is_done:
        return None
    of_run = np.array([walk.places.get(one, -1) for one in ids], np.intp)
    if int(np.add.reduce(lengths[of_run >= 0])) < least:
        return None
    ends = np.concatenate((starts[1:], [len(objects)]))
    return Tags(walk.blocks, of_run.repeat(ends - starts).tolist())


def tag_of(tags: Tags, row: Row) -> Tag:
    """The block of the tree that all of a row belongs to; `NO_TAG` where there is none."""
    place = _place(tags, row)
    return tags.blocks[place] if place >= 0 else NO_TAG


def parts_at(tags: Tags, row: Row, following: Row) -> bool | None:
    """Whether two rows are of different blocks of the tree; None where that is for the geometry to say.

    Trees name headings, captions and items well, paragraphs as it comes.
    """
    above, below = _place(tags, row), _place(tags, following)
    kinds = {tags.blocks[place].kind for place in (above, below) if place >= 0} - _PLAIN
    if above != below:
        return True if kinds else None
    return False if kinds == {"list"} else None


def starts_item(tags: Tags, row: Row) -> bool:
    """Whether an item of a list starts with `row`."""
    place = _place(tags, row)
    if place < 0 or tags.blocks[place].kind != "list":
        return False
    return row.word == 0 or tags.of_word[row.word - 1] != place


def _place(tags: Tags, row: Row) -> int:
    """The place of a row's block in the tree, -1 where its words are of several or none."""
    found = {one for word, count in row.spans for one in tags.of_word[word : word + count]} - {-1}
    return found.pop() if len(found) == 1 else -1


class _Walk:
    """The blocks of a tree in its order, and the place among them of each piece of marked content, -1 for nobody's."""

    def __init__(self, tree: Handle) -> None:
        self.blocks = [Tag("group")]
        self.places: dict[int, int] = {-1: -1}
        self._opened: set[int] = set()
        self._latest: dict[int, int] = {}
        self.is_done = self._run(tree)

    def _run(self, tree: Handle) -> bool:
        """Whether the whole tree could be looked at."""
        num_elements, num_kids = 0, _count_roots(tree)
        if num_kids > _MAX_KIDS:
            return False
        # An element, or (as a number below 0) a piece of content; the block around it; how deep in lists that is.
        waiting: list[tuple[int, int, int]] = [(_root(tree, i) or 0, 0, 0) for i in reversed(range(num_kids))]
        while waiting:
            element, block, depth = waiting.pop()
            if element <= 0:
                self._place(-element - 1, block)
                continue
            handle = _P(element)
            kids = max(_count(handle), 0)
            num_elements, num_kids = num_elements + 1, num_kids + kids
            if num_elements > _MAX_ELEMENTS or num_kids > _MAX_KIDS:
                return False
            block, depth = self._enter(handle, block, depth)
            found = list(map(_child, repeat(handle), range(kids)))
            below = [(one or -1 - _child_id(handle, i), block, depth) for i, one in enumerate(found)]
            waiting += reversed(below)
        return True

    def _enter(self, handle: ctypes.c_void_p, block: int, depth: int) -> tuple[int, int]:
        """The block that an element is, or is part of, and how deep in lists what is below it stands."""
        length = _type(handle, _buffer, _SIZE)
        kind, level, name = _KINDS.get(_buffer.raw[: length - 2], _INLINE) if 2 < length <= _BUFFER else _INLINE
        outer = self.blocks[block].kind
        if not kind or self._is_within(outer, name, block):
            return block, depth
        if kind == "lists":
            return block, depth + 1
        self.blocks.append(Tag(kind, depth if kind == "list" else level))
        return len(self.blocks) - 1, depth

    def _is_within(self, outer: str, name: str, block: int) -> bool:
        """Whether an element only says again what the block around it (of kind `outer`) is: a paragraph in an item.

        The second paragraph of an item stands alone. Lists in cells are the table's.
        """
        if outer == "table":
            return name not in _HEADINGS
        if outer in ("title", "caption", "note"):
            return name != "LI"
        if outer != "list" or block in self._opened or name not in ("P", "Part", "Sect", "Div"):
            return False
        if name == "P":
            self._opened.add(block)
        return True

    def _place(self, content: int, block: int) -> None:
        if content < 0:
            return
        last = len(self.blocks) - 1
        if self.blocks[block].kind == "group" and self._latest.get(block, block) != last:
            # What follows a paragraph in the same group is not the text before it.
            self.blocks.append(self.blocks[block])
            last += 1
            self._latest[block] = last
        block = self._latest.get(block, block)
        self.places[content] = block if self.places.get(content, block) == block else -1
