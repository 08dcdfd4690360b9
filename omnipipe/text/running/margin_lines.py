"""Running matter of pages that were read by OCR, whose lines are boxes in shares of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from omnipipe.text.running.catchword import find_catchword
from omnipipe.text.running.close_head import find_close_head
from omnipipe.text.running.edges import Cells, find_edges
from omnipipe.text.running.form import is_bracketed, page_number
from omnipipe.text.running.matter import find_running
from omnipipe.text.running.ruled import Rules


class Box(NamedTuple):
    """A line with its box in shares (0 to 1) of the upright page, for pages that were read by OCR."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def classify_margins(lines: Sequence[Box], *, aspect: float = 1.0, rules: Rules | None = None) -> list[str | None]:
    """For each line header, footer or page_number; None where it is body text.

    `aspect` is the page's width by its height. Lines may be whole lines or parts of them. `rules` are printed lines.
    """
    if len(lines) < 2:
        return [None] * len(lines)
    boxes = np.nan_to_num(np.array([line[1:5] for line in lines], np.float32))
    height = np.maximum(boxes[:, 3] - boxes[:, 1], 1e-4)
    # Boxes of lines are higher than the type is large.
    size = (0.8 * height).astype(np.float32)
    cells = Cells(boxes[:, 0] * aspect, boxes[:, 1], boxes[:, 2] * aspect, boxes[:, 3], size)
    kinds: list[str | None] = [None] * len(lines)
    em = float(np.median(size))
    for found in find_running(find_edges(cells, lambda i: lines[i].text, em), None, rules):
        for i in found.pieces:
            kinds[i] = found.kind
    close = find_close_head(cells, lambda i: lines[i].text, em)
    if not any(kinds[i] for i in close):
        for i in close:
            kinds[i] = "page_number" if page_number(lines[i].text) or is_bracketed(lines[i].text.strip()) else "header"
    for i in find_catchword(cells, lambda i: lines[i].text, em):
        kinds[i] = kinds[i] or "footer"
    return kinds
