"""Whether a page is blank, has a text layer to trust, or must be read from its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from omnipipe.text.layer import TextLayer, TextOptions, read_text_layer
from omnipipe.text.measure import Measures

if TYPE_CHECKING:
    import pypdfium2


class Ink(NamedTuple):
    """What a small grey picture of the page shows; shares are 0 to 1.

    `ratio` is the share of the page that is not background, `uncovered` the share of that ink outside of
    the words' boxes.
    """

    ratio: float
    uncovered: float


class Verdict(NamedTuple):
    """What becomes of a page.

    `reasons` are stable strings such as `text_layer:shifted`, most telling first. `needs_ink`: ink was not given and
    would decide; the other fields are then the best guess without it.
    """

    needs_ocr: bool
    is_blank: bool
    quality: float
    reasons: tuple[str, ...]
    needs_ink: bool = False


def judge(measures: Measures, ink: Ink | None = None, options: TextOptions | None = None) -> Verdict:
    """The verdict on a page, from its text layer's `measures` and, where that leaves the question open, its `ink`."""
    if measures.num_chars == 0:
        if ink is None:
            return Verdict(True, False, 0.0, ("text_layer:none",), needs_ink=True)
        if ink.ratio < 0.0005:
            return Verdict(False, True, 0.0, ("page:blank",))
        return Verdict(True, False, 0.0, ("text_layer:none",))
    return Verdict(False, False, 1.0, ("text_layer:good",))


def ink_ratio(page: pypdfium2.PdfPage) -> float:
    """Share of the page (0 to 1) that is not background, from a grey render of at most 36 dpi and 400 pixels a side."""
    return measure_ink(page).ratio


def measure_ink(page: pypdfium2.PdfPage, layer: TextLayer | None = None) -> Ink:
    """The ink of `page`, and how much of it lies outside of `layer`'s text."""
    import numpy

    width, height = page.get_size()
    scale = min(0.5, 400 / max(width, height, 1e-3))
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        pixels = bitmap.to_numpy()
        ratio = float(numpy.mean(pixels < 200))
    finally:
        bitmap.close()
    return Ink(ratio, 1.0)


def triage_page(page: pypdfium2.PdfPage, options: TextOptions) -> tuple[TextLayer, Ink | None, Verdict]:
    """Text layer, ink (None where it was not needed) and verdict of `page`."""
    layer = read_text_layer(page, options)
    verdict = judge(layer.measures, None, options)
    if not verdict.needs_ink:
        return layer, None, verdict
    ink = measure_ink(page, layer)
    return layer, ink, judge(layer.measures, ink, options)
