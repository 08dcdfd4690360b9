"""A page opened for its text: what several readers of it need, made once."""

from __future__ import annotations

from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.headings import body_size, size_shares
from omnipipe.text.blocks.markdown import by_share
from omnipipe.text.columns.line_number import find_line_numbers
from omnipipe.text.lines.pieces import join_words, to_frame
from omnipipe.text.lines.rulings import Rulings, find_lines, to_rulings
from omnipipe.text.pdfium.objects import Drawn
from omnipipe.text.pdfium.records import Chars
from omnipipe.text.pdfium.textpage import TextPage
from omnipipe.text.running.edges import Cells, find_edges
from omnipipe.text.visibility.hidden import mark_hidden
from omnipipe.text.visibility.overdrawn import drop_overdrawn
from omnipipe.text.words.chars import read_words
from omnipipe.text.words.doubled import drop_doubled
from omnipipe.text.words.fonts import word_objects
from omnipipe.text.words.letterspaced import join_letterspaced
from omnipipe.text.words.links import read_links
from omnipipe.text.words.spread import join_spread

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.running.edges import Edges, Margins
    from omnipipe.text.words.chars import Words
    from omnipipe.text.words.links import Links


class OpenPage:
    """`page` with its text in memory, until it is closed. `found` is None where the page has no visible character.

    Nothing but `found` and `textpage` may be asked of a page without text. `links` are those of a page that does not
    have them any more.
    """

    def __init__(self, page: pypdfium2.PdfPage, links: Links | None = None) -> None:
        self.page = page
        self._links = links
        self._rulings: dict[int, Rulings] = {}
        self.drawn = Drawn(page)
        self.textpage = TextPage(page)
        try:
            self.found = self._words()
        except BaseException:
            self.textpage.close()
            raise

    def _words(self) -> Words | None:
        chars = Chars(self.textpage)
        words = read_words(chars)
        if words is None:
            return None
        words = drop_doubled(chars, words)
        words = words._replace(objects=word_objects(chars, words))
        shown = drop_overdrawn(mark_hidden(self.page, words, self.drawn, self.box))
        return join_letterspaced(chars, join_spread(chars, shown))

    def close(self) -> None:
        """Free the text; the page itself stays open."""
        self.textpage.close()

    @property
    def words(self) -> Words:
        """The words of the page.

        Raises:
            ValueError: There are none.
        """
        if self.found is None:
            raise ValueError("the page has no text")
        return self.found

    @property
    def links(self) -> Links:
        """The areas that lead to the web."""
        return read_links(self.page) if self._links is None else self._links

    @cached_property
    def sizes(self) -> tuple[list[float], list[float]]:
        """Font sizes and the share of characters in each; see `size_shares`."""
        return size_shares(self.words)

    @cached_property
    def body(self) -> float:
        """The font size of most characters, in points."""
        return body_size(*self.sizes)

    @cached_property
    def turns(self) -> list[int]:
        """The directions of text that occur, the most frequent first."""
        return [0] if self._is_upright else by_share(self.words.turn)

    @cached_property
    def _is_upright(self) -> bool:
        """Whether all words run across the page, as on most pages."""
        return not np.count_nonzero(self.words.turn)

    @cached_property
    def main(self) -> NDArray[np.intp]:
        """The words in the most frequent direction."""
        if self._is_upright:
            return np.arange(len(self.words.turn))
        found: NDArray[np.intp] = (self.words.turn == self.turns[0]).nonzero()[0]
        return found

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of the page, in points."""
        left, bottom, right, top = self.page.get_bbox()
        return left, bottom, right, top

    @cached_property
    def rotation(self) -> int:
        """How far the page is turned clockwise where it is shown, in degrees."""
        rotation: int = self.page.get_rotation()
        return rotation

    @cached_property
    def line_numbers(self) -> NDArray[np.intp]:
        """The words that number the lines of the page."""
        return find_line_numbers(self.words, self.main, self.turns[0])

    @cached_property
    def pieces(self) -> Pieces:
        """The pieces of lines in the most frequent direction, without line numbers."""
        which = self.main
        if len(self.line_numbers):
            which = which[~np.isin(which, self.line_numbers)]
        return join_words(self.words, which, self.turns[0])

    @cached_property
    def _lines(self) -> NDArray[np.float32]:
        """The straight lines that the page draws; see `find_lines`."""
        return find_lines(self.page, self.drawn)

    def rulings(self, turn: int) -> Rulings:
        """The lines that the page draws, in the reading frame of a direction."""
        if turn not in self._rulings:
            self._rulings[turn] = to_rulings(self._lines, turn)
        return self._rulings[turn]

    @cached_property
    def _frame(self) -> tuple[float, float, float]:
        """Left, top and height of the page as most of its text is upright."""
        sides = to_frame(np.array([self.box], np.float32), self.turns[0])
        left, top, _, bottom = (float(side[0]) for side in sides)
        return left, top, max(bottom - top, 1e-3) if isfinite(bottom - top) else 1.0

    @cached_property
    def rules(self) -> Rulings:
        """The lines across and down the page, in the units of `edges`."""
        left, top, height = self._frame
        across, down = self.rulings(self.turns[0])
        return Rulings((across - (top, left, left)) / height, (down - (left, top, top)) / height)

    @cached_property
    def edges(self) -> Edges:
        """What stands at the top and bottom."""
        pieces, text = self.pieces, self.words.text
        left, top, height = self._frame
        lengths = np.array((pieces.left, pieces.top, pieces.right, pieces.bottom, pieces.size))
        lengths -= np.array([[left], [top], [left], [top], [0.0]], np.float32)
        lengths /= height
        em = max(self.body, 0.1) / height
        first, last = pieces.first.item, pieces.last.item
        return find_edges(Cells(*lengths), lambda i: text[first(i) : last(i)], em)

    @property
    def margins(self) -> Margins | None:
        """What other pages are compared with; None where there is no text."""
        return self.edges.margins if self.found is not None else None
