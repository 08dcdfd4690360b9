"""Text that runs neither across nor up the page: read as if the page were turned until it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.markdown import to_parts, to_rows
from omnipipe.text.columns.order import reading_order
from omnipipe.text.lines.pieces import from_frame, join_words, to_frame
from omnipipe.text.running.across import lie_across

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.blocks.rows import PageStyle
    from omnipipe.text.part import Part
    from omnipipe.text.words.chars import Words

SLANTED = 4
"""The direction of words between two quarter turns, in `Words.turn`."""

_MAX_ANGLES = 8
"""More directions than this are read as one."""


def slanted_parts(words: Words, rtl: bool, style: PageStyle) -> list[Part]:
    """The blocks of slanted words, direction after direction, in the frame of upright text (boxes around them)."""
    if not np.count_nonzero(words.turn):
        return []
    which = (words.turn == SLANTED).nonzero()[0]
    if not len(which):
        return []
    angles = np.rint(words.angle[which] * 50).astype(np.intp)
    found, counts = np.unique(angles, return_counts=True)
    if len(found) > _MAX_ANGLES:
        angles, found, counts = np.zeros_like(angles), np.zeros(1, np.intp), np.array([len(which)])
    parts: list[Part] = []
    for angle in found[np.argsort(-counts, kind="stable")].tolist():
        here = which[angles == angle]
        parts += _parts(words, here, float(np.median(words.angle[here])), rtl, style)
    if len(which) < 0.2 * len(words.turn):
        return [part._replace(type="watermark", level=None) if _is_stamp(part, style) else part for part in parts]
    return parts


def _is_stamp(part: Part, style: PageStyle) -> bool:
    """Whether a block is a word or two in large letters, as DRAFT over a page of text."""
    return part.size > 2.5 * style.body and len(part.text) < 40


def _parts(words: Words, which: NDArray[np.intp], angle: float, rtl: bool, style: PageStyle) -> list[Part]:
    turn = round(angle * 2 / np.pi)
    rest = angle - turn * np.pi / 2
    turned = words._replace(box=words.box.copy())
    middle = (words.box[which, :2] + words.box[which, 2:]) / 2
    centre = middle.mean(axis=0)
    turned.box[which] = _boxes(middle - centre, words, which, rest, turn % 2 == 1)
    pieces = join_words(turned, which, turn % 4)
    upright = words.box[words.turn < SLANTED]
    places = _rotated((upright[:, :2] + upright[:, 2:]) / 2 - centre, -rest).astype(np.float32)
    across = lie_across(pieces, np.array(to_frame(np.hstack((places, places)), turn % 4)[:2]), words.text)
    parts = []
    for chosen, is_mark in ((pieces.take(~across), False), (pieces.take(across), True)):
        for column in reading_order(chosen, rtl, words.text) if len(chosen.left) else []:
            for part in to_parts(to_rows(chosen, column, words.text, style.styles), style):
                x0, y0, x1, y1 = from_frame(*part.box, turn % 4)
                corners = _rotated(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), rest) + centre
                box = np.array([[*corners.min(axis=0), *corners.max(axis=0)]], np.float32)
                left, top, right, bottom = (float(side[0]) for side in to_frame(box, 0))
                part = part._replace(left=left, top=top, right=right, bottom=bottom)
                parts.append(part._replace(type="watermark", level=None) if is_mark else part)
    return parts


def _boxes(
    middle: NDArray[np.float32], words: Words, which: NDArray[np.intp], angle: float, is_upright: bool
) -> NDArray[np.float32]:
    """Boxes of words with these middles, turned back by `angle` around the origin."""
    size = words.size[which]
    width, height = (words.box[which, 2:] - words.box[which, :2]).T
    # A box around slanted text of one size is as long as its diagonal allows.
    length = np.maximum(np.hypot(width, height) - size, size)
    across, up = (0.55 * size, length / 2) if is_upright else (length / 2, 0.55 * size)
    x, y = _rotated(middle, -angle).T
    return np.stack((x - across, y - up, x + across, y + up), axis=1).astype(np.float32)


def _rotated(points: NDArray[np.float32] | NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    turned: NDArray[np.float64] = points.astype(np.float64) @ np.array([[cos, sin], [-sin, cos]])
    return turned
