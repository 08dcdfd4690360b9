"""What the pages around a page have at their edges, to tell running heads by: a fixed sample of each document."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import pypdfium2

from omnipipe.page import ProblemError
from omnipipe.text.opened import OpenPage

if TYPE_CHECKING:
    from omnipipe.reading.source import Watch
    from omnipipe.text.running.edges import Margins

NUM_NEIGHBOURS = 4
_MAX_OPEN = 4
_MAX_KNOWN = 64
_MAX_KEPT_CHARS = 20_000


def neighbours_of(index: int, count: int) -> list[int]:
    """The pages that page `index` of `count` is compared with: the nearest, of both parities."""
    near = range(max(0, index - NUM_NEIGHBOURS), min(count, index + NUM_NEIGHBOURS + 1))
    return sorted((page for page in near if page != index), key=lambda page: (abs(page - index), page))[:NUM_NEIGHBOURS]


class Neighbours:
    """Opens the pages of one document, and keeps those open that were looked at ahead: most are read next."""

    def __init__(self, load: Callable[[int], OpenPage], count: int) -> None:
        self._load = load
        self._count = count
        self._known: OrderedDict[int, Margins | None] = OrderedDict()
        self._open: OrderedDict[int, OpenPage] = OrderedDict()

    def open(self, index: int) -> OpenPage:
        """Page `index` with its text; the caller closes both."""
        if index in self._open:
            return self._open.pop(index)
        return self._load(index)

    def sample(self, index: int, watch: Watch) -> list[tuple[int, Margins]]:
        """The edges of the pages around page `index`, each with its distance."""
        found = []
        for page in neighbours_of(index, self._count):
            if page in watch.avoided:
                continue
            if page not in self._known:
                watch.sampling(page)
                self._look_at(page, keep_open=not watch.is_careful)
            margins = self._known[page]
            if margins is not None:
                found.append((page - index, margins))
        watch.sampling(None)
        return found

    def close_pages(self) -> None:
        """Free the pages that are kept open."""
        while self._open:
            _close(self._open.popitem()[1])

    def _look_at(self, page: int, *, keep_open: bool) -> None:
        margins = None
        try:
            opened = self.open(page)
        except (ProblemError, pypdfium2.PdfiumError):
            self.keep(page, None)
            return
        try:
            margins = opened.margins
        finally:
            if keep_open and opened.found is not None and len(opened.found.units) < _MAX_KEPT_CHARS:
                self._open[page] = opened
            else:
                _close(opened)
        self.keep(page, margins)
        while len(self._open) > _MAX_OPEN:
            _close(self._open.popitem(last=False)[1])

    def keep(self, page: int, margins: Margins | None) -> None:
        """Remember what a page has at its edges."""
        self._known[page] = margins
        while len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)


def _close(opened: OpenPage) -> None:
    opened.close()
    opened.page.close()
