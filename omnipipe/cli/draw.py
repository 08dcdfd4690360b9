"""`omnipipe extract --draw`: pictures of pages with their blocks, kinds, reading order and route drawn in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.errors import InputError
from omnipipe.page import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from omnipipe.page import Block, Page

_DPI = 110.0
_COLOURS = {
    "text": "#1f6fd0",
    "title": "#c02020",
    "list": "#0a8a8a",
    "table": "#7a2fb0",
    "figure": "#8a6d00",
    "caption": "#b05a00",
    "code": "#3c4a5a",
    "footnote": "#5a7a20",
    "formula": "#b0307a",
}
_OTHER = "#707070"
"""Running heads, page numbers and whatever else stays out of the text."""


class PageDrawer:
    """Writes `NAME-pN.png` for each page it is given, N from 1, into one folder. Close it, or use it in `with`.

    Raises:
        InputError: The folder cannot be made.
    """

    def __init__(self, folder: Path, path: str, name: str, passwords: tuple[str, ...]) -> None:
        from omnipipe.document import Document

        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise InputError(
                f"--draw {folder}: cannot make this folder: {problem.strerror}. Name another one."
            ) from problem
        self._folder = folder
        self._stem = Path(name).stem or "document"
        self._passwords = passwords
        self._documents = [Document(path, password=word, dpi=_DPI) for word in (passwords or (None,))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for document in self._documents:
            document.close()

    def draw(self, page: Page) -> Path | None:
        """Write the picture of `page`, and say where; None where it cannot be drawn."""
        found = self._picture(page)
        if found is None:
            return None
        picture = _drawn(found, page)
        target = self._folder / f"{self._stem}-p{page.index + 1}.png"
        picture.save(target)
        return target

    def _picture(self, page: Page) -> Image.Image | None:
        for document in self._documents:
            try:
                picture = document.get_page(page.index)
                asked_for = document.get_page_rotation(page.index)
            except (ProblemError, IndexError):
                continue
            # What OCR turned on top of what the file asks for: boxes are those of the upright page.
            more = ((page.rotation_applied or 0) - asked_for) % 360
            return picture.rotate(-more, expand=True) if more else picture
        return None


def _drawn(picture: Image.Image, page: Page) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    width, height = picture.size
    unit = max(11, round(max(width, height) / 90))
    font = ImageFont.load_default(unit)
    head = 2 * unit
    sheet = Image.new("RGB", (width, height + head), "white")
    sheet.paste(picture, (0, head))
    ink = ImageDraw.Draw(sheet, "RGBA")
    quality = "" if page.quality is None else f"  quality {page.quality:.2f}"
    flags = f"  {' '.join(page.flags)}" if page.flags else ""
    ink.rectangle((0, 0, width, head - 1), fill="#f0f0f0")
    ink.text(
        (unit // 2, unit // 3), f"page {page.index + 1}  {page.status}  {page.route}{quality}{flags}", "black", font
    )
    shown = [block for block in page.blocks if block.bbox is not None]
    places = [_outline(ink, block, (width, height), head) for block in shown]
    free = _Free(places)
    for at, block in enumerate(shown):
        _tag(ink, block, free, (at, unit), font)
    if len(places) > 1:
        middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in places]
        ink.line(middles, fill=(220, 60, 0, 90), width=max(1, unit // 6))
    return sheet


def _outline(
    ink: ImageDraw.ImageDraw, block: Block, size: tuple[int, int], head: int
) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = block.bbox or (0.0, 0.0, 0.0, 0.0)
    width, height = size
    left, right = sorted((x0 * (width - 1), x1 * (width - 1)))
    top, bottom = sorted((y0 * (height - 1) + head, y1 * (height - 1) + head))
    colour = _COLOURS.get(block.type, _OTHER)
    ink.rectangle((left, top, right, bottom), fill=f"{colour}18", outline=colour, width=max(1, head // 14))
    return left, top, right, bottom


_Box = tuple[float, float, float, float]


class _Free:
    """Where a page's picture has room for tags: beside blocks and beside each other."""

    def __init__(self, places: list[_Box]) -> None:
        self.places = np.array(places, np.float32).reshape(-1, 4)
        # One row for each tag that stands; those to come are empty.
        self._tags = np.zeros_like(self.places)

    def take(self, at: int, sizes: Sequence[tuple[float, float]]) -> tuple[int, _Box]:
        """The first of `sizes` that block `at` has room for, with its box; the last one where none fits."""
        left, top = self.places[at, :2].tolist()
        options: list[tuple[int, _Box]] = []
        for size, (width, height) in enumerate(sizes):
            # Beside the block, so that its text stays readable; above it where there is no margin.
            for x, y in ((left - width, top), (left, top - height)):
                if x >= 0:
                    options.append((size, (x, y, x + width, y + height)))
        size, box = next((option for option in options if self._is_free(at, option[1])), options[-1])
        self._tags[at] = box
        return size, box

    def _is_free(self, at: int, box: _Box) -> bool:
        return not (_meets(self._tags, box).any() or np.delete(_meets(self.places, box), at).any())


def _meets(boxes: NDArray[np.float32], box: _Box) -> NDArray[np.bool_]:
    left, top, right, bottom = box
    found: NDArray[np.bool_] = (boxes[:, 0] < right - 1) & (boxes[:, 2] > left + 1)
    return found & (boxes[:, 1] < bottom - 1) & (boxes[:, 3] > top + 1)


def _tag(ink: ImageDraw.ImageDraw, block: Block, free: _Free, place: tuple[int, int], font: object) -> None:
    """Number, kind and level of the block; the number alone where there is no room for more."""
    at, unit = place
    level = f" h{block.level}" if block.level else ""
    names = (f"{block.order} {block.type}{level}", f"{block.order}")
    sizes = [(ink.textlength(name, font) + unit // 2, unit * 1.15) for name in names]  # type: ignore[arg-type]
    which, box = free.take(at, sizes)
    ink.rectangle(box, fill=_COLOURS.get(block.type, _OTHER))
    ink.text((box[0] + unit // 4, box[1]), names[which], "white", font)  # type: ignore[arg-type]
