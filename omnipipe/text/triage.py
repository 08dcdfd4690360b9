"""Whether a page is blank, has a text layer to trust, or must be read from its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions
from omnipipe.text.trust.measure import Measures

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

_MAX_DPI = 36
_MAX_SIDE = 400
_CONTRAST = 40
"""Grey levels (of 255) that ink differs from the background."""

_BLANK_INK = 0.00008
"""Pages with less ink than this share are blank: ten pixels of a small picture, less than one word."""

_FOOTNOTE = 0.15
"""Text over less than this share of the page leaves room for much that is not in the text layer."""

_LOST_OF_SCAN = 0.3
"""Ink outside of the invisible text of a scan, at most: whole layers leave out less than an eighth."""


class Ink(NamedTuple):
    """What a small grey picture of the page shows; shares are 0 to 1.

    `ratio` is the share of the page that is not background, `uncovered` the share of that ink outside of the text's
    boxes, `thin` the share of the uncovered ink that is as thin as lines of text are.
    """

    ratio: float
    uncovered: float
    thin: float


class Verdict(NamedTuple):
    """What becomes of a page.

    `reasons` are stable strings such as `text_layer:shifted`, most telling first. `needs_ink`: ink was not given and
    would decide; the other fields are then the best guess without it. `quality` is that of the text layer, 0 to 1.
    """

    needs_ocr: bool
    is_blank: bool
    quality: float
    reasons: tuple[str, ...]
    needs_ink: bool = False


_DEFAULT = TextOptions()


def judge(measures: Measures, ink: Ink | None = None, options: TextOptions = _DEFAULT) -> Verdict:
    """The verdict on a page, from its text layer's `measures` and, where that leaves the question open, its `ink`."""
    if measures.num_chars == 0:
        return _without_text(ink)
    faults = sorted(_faults(measures), key=lambda fault: -fault[0])
    quality = max(0.0, 1.0 - sum(weight for weight, _ in faults))
    reasons = tuple(f"text_layer:{name}" for weight, name in faults if weight >= 0.05)
    if quality < options.min_quality:
        return Verdict(True, False, quality, reasons)
    if not _is_in_doubt(measures):
        return Verdict(False, False, quality, reasons or ("text_layer:good",))
    if ink is None:
        return Verdict(False, False, quality, reasons or ("text_layer:good",), needs_ink=True)
    missing = _missing(measures, ink)
    if missing is not None:
        return Verdict(True, False, min(quality, 0.2), (missing, *reasons))
    return Verdict(False, False, quality, reasons or ("text_layer:good",))


def _without_text(ink: Ink | None) -> Verdict:
    if ink is None:
        return Verdict(True, False, 0.0, ("text_layer:none",), needs_ink=True)
    if ink.ratio < _BLANK_INK:
        return Verdict(False, True, 0.0, ("page:blank",))
    return Verdict(True, False, 0.0, ("text_layer:none",))


def _faults(m: Measures) -> list[tuple[float, str]]:
    """What is wrong with the text, each with its weight: 0.5 alone is too much by default."""
    faults = [
        (5 * m.replaced, "replaced"),
        (4 * m.private, "private_use"),
        (5 * m.control, "control"),
        (2 * m.cid, "cid"),
        (2.2 * m.garbled, "shifted" if m.shift else "garbled"),
        (5 * max(0.0, m.mixed - 0.02), "mixed_scripts"),
        (2 * max(0.0, m.rare - 0.05), "rare_characters"),
        (2 * max(0.0, m.mojibake - 0.35), "mojibake"),
    ]
    if m.tangled > 0.42:
        faults.append((1.3 * m.tangled, "garbled"))
    if m.uniform > 0.4:
        faults.append((2 * m.uniform, "garbled"))
    if m.symbols > (0.5 if m.num_chars < 40 else 0.42):
        faults.append((1.25 * m.symbols, "symbols"))
    if m.bare:
        faults.append((0.6, "unpunctuated"))
    is_scan = m.invisible > 0.5 or m.image_share > 0.7
    if is_scan and m.likely is not None and m.likely < 0.3:
        faults.append((1.0 - m.likely, "poor_ocr"))
    elif m.odd > 0.08:
        faults.append((1.6 * (m.odd - 0.08), "poor_ocr"))
    return [(min(weight, 1.0), name) for weight, name in faults if weight > 0]


def _is_in_doubt(m: Measures) -> bool:
    """Whether the page may show text that its text layer lacks."""
    if m.invisible > 0.5:
        return True
    return m.text_share < _FOOTNOTE and (m.image_share > 0.25 or m.num_glyph_paths > max(60, m.num_chars))


def _missing(m: Measures, ink: Ink) -> str | None:
    """Why the text layer is only a part of what the page shows; None where it is not."""
    outside = ink.uncovered * ink.ratio
    if outside < 0.004 or ink.thin < 0.5:
        return None
    if m.num_glyph_paths > max(60, m.num_chars) and ink.uncovered > 0.4:
        return "text_layer:outlined"
    of_scan = _LOST_OF_SCAN if m.invisible > 0.5 else 0.5
    if m.image_share > 0.25 and ink.uncovered > (of_scan if m.image_share > 0.6 else 0.8):
        return "text_layer:partial"
    return None


def ink_ratio(page: pypdfium2.PdfPage) -> float:
    """Share of the page (0 to 1) that is not background, from a grey render of at most 36 dpi and 400 pixels a side."""
    return measure_ink(page).ratio


def measure_ink(page: pypdfium2.PdfPage, layer: TextLayer | None = None) -> Ink:
    """The ink of `page`, and how much of it lies outside of `layer`'s text."""
    width, height = page.get_size()
    scale = min(_MAX_DPI / 72, _MAX_SIDE / max(width, height, 1e-3))
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        pixels = bitmap.to_numpy().reshape(bitmap.height, -1)[:, : bitmap.width].astype(np.int16)
    finally:
        bitmap.close()
    background = int(np.bincount(pixels.ravel(), minlength=256).argmax())
    mask = np.abs(pixels - background) > _CONTRAST
    total = int(mask.sum())
    if not total:
        return Ink(0.0, 0.0, 0.0)
    if layer is not None:
        _clear(mask, layer)
    rest = int(mask.sum())
    thin = 1.0 - int(_solid(mask).sum()) / rest if rest else 0.0
    return Ink(total / mask.size, rest / total, thin)


def _clear(mask: NDArray[np.bool_], layer: TextLayer) -> None:
    """Take the ink under the text's boxes out of `mask`, with a pixel around them."""
    height, width = mask.shape
    for block in layer.blocks:
        box = block[1]
        if box is not None and block[0] != "hidden":
            x0, y0, x1, y1 = box
            mask[
                max(0, int(y0 * height) - 1) : int(y1 * height) + 2, max(0, int(x0 * width) - 1) : int(x1 * width) + 2
            ] = False


def _solid(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Ink within squares of 9 pixels a side that are all ink: pictures, not lines of text."""
    side = 9
    if min(mask.shape) < side:
        return np.zeros_like(mask)
    height, width = mask.shape[0] - side + 1, mask.shape[1] - side + 1
    # Sums of bytes over a few rows and columns take a fifth of the time of sums up to each place.
    counts = np.zeros((height, mask.shape[1]), np.uint8)
    for k in range(side):
        counts += mask[k : k + height]
    sums = np.zeros((height, width), np.uint8)
    for k in range(side):
        sums += counts[:, k : k + width]
    full = sums >= 0.9 * side * side
    solid = np.zeros_like(mask)
    if np.count_nonzero(full):
        wide = np.zeros((height, mask.shape[1]), bool)
        for k in range(side):
            wide[:, k : k + width] |= full
        for k in range(side):
            solid[k : k + height] |= wide
    return solid & mask


def triage_page(page: pypdfium2.PdfPage, options: TextOptions) -> tuple[TextLayer, Ink | None, Verdict]:
    """Text layer, ink (None where it was not needed) and verdict of `page`."""
    layer = read_text_layer(page, options)
    verdict = judge(layer.measures, None, options)
    if not verdict.needs_ink:
        return layer, None, verdict
    ink = measure_ink(page, layer)
    return layer, ink, judge(layer.measures, ink, options)
