"""The tables of one page, cut out of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omnipipe.page import Box, Line

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image
    from omnipipe.tasks.table_extraction.rapid_table import RapidTable
    from omnipipe.tasks.table_extraction.result import TableResult

_MARGIN = 0.005
"""Share of the page around a table that is cut out with it: the lines around it are drawn there."""


class PageTables:
    """Reads tables of a page whose straight picture is `image`; `num_failed` of them were not understood."""

    def __init__(self, reader: RapidTable, image: Image) -> None:
        self._reader = reader
        self._image = image
        self.num_failed = 0

    def read(self, lines: Sequence[Line], box: Box, is_table: bool) -> TableResult | None:
        """The table of `lines` in `box`, all in shares of the page.

        What rather `is_table` not has to be one without doubt, and is no failure if it is none.
        """
        height, width = self._image.shape[:2]
        x0, y0, x1, y1 = (
            int(max(0.0, box[0] - _MARGIN) * width),
            int(max(0.0, box[1] - _MARGIN) * height),
            int(min(1.0, box[2] + _MARGIN) * width),
            int(min(1.0, box[3] + _MARGIN) * height),
        )
        found = None
        if x1 - x0 > 1 and y1 - y0 > 1:
            moved = [line._replace(bbox=_within(line.bbox, (x0, y0, x1, y1), width, height)) for line in lines]
            found = self._reader.extract(self._image[y0:y1, x0:x1], moved, is_table=is_table)
        self.num_failed += found is None and is_table
        return found


def _within(box: Box, cut: tuple[int, int, int, int], width: int, height: int) -> Box:
    x0, y0, x1, y1 = cut
    return (
        (box[0] * width - x0) / (x1 - x0),
        (box[1] * height - y0) / (y1 - y0),
        (box[2] * width - x0) / (x1 - x0),
        (box[3] * height - y0) / (y1 - y0),
    )
