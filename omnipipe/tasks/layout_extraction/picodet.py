"""PicoDet detectors in ONNX files: from a picture to the tensor that they take, and from what they answer to boxes.

The network looks at the picture at four scales (strides of 8, 16, 32 and 64 pixels). For each cell of each scale it
answers a score per class, and for each of the four sides a distribution over 0 to `n - 1` strides, whose mean is the
distance of that side from the cell's middle: the head of "Generalized Focal Loss" (arXiv 2006.04388).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Image = NDArray[np.uint8]

STRIDES = (8, 16, 32, 64)

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""Of the pictures of ImageNet, in RGB: what the network was trained with."""
_MOST_CANDIDATES = 300
"""Cells of a class that are compared with one another: the best of them."""


class Found(NamedTuple):
    """Parts of a picture: `boxes` (n, 4) as x0, y0, x1, y1 in shares of it, `scores` (n,) 0 to 1, `classes` (n,)."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.intp]


def to_tensor(image: Image, width: int, height: int) -> Floats:
    """`image`, (rows, columns) grey or (rows, columns, 3) RGB, as (1, 3, height, width); its shape is not kept."""
    import cv2

    # Sharp pictures are what it was trained on: on 40 pages cubic steps find 13 % more parts than averages.
    # Of larger ones so many pixels would be skipped that thin letters break.
    rows, columns = min(image.shape[0], 2 * height), min(image.shape[1], 2 * width)
    if (rows, columns) != image.shape[:2]:
        image = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    sized = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    values = np.asarray(sized, dtype=np.float32) / np.float32(255)
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3, axis=2)
    return np.ascontiguousarray(((values - _MEAN) / _SPREAD).transpose(2, 0, 1)[None])


def to_found(answers: Sequence[Floats], width: int, height: int, *, confidence: float, overlap: float) -> Found:
    """The parts in what the network answered for a picture of `width` x `height` pixels.

    `answers` are the scores at each stride, then the distributions at each stride. Parts below `confidence` are left
    out, and of parts of one class whose intersection is more than `overlap` of their union all but the surest.
    """
    scores, boxes = [], []
    for stride, score, sides in zip(STRIDES, answers[: len(STRIDES)], answers[len(STRIDES) :], strict=True):
        sure = np.flatnonzero(score[0].max(axis=1) >= confidence)
        scores.append(score[0][sure])
        boxes.append(_boxes(sides[0][sure], sure, stride, -(-width // stride)))
    every, placed = np.concatenate(scores), np.concatenate(boxes)
    placed = np.clip(placed / np.array([width, height, width, height], dtype=np.float32), 0, 1)
    kept = [
        (sure[_surest(placed[sure], every[sure, number], overlap)], number)
        for number in range(every.shape[1])
        if len(sure := np.flatnonzero(every[:, number] >= confidence))
    ]
    rows = np.concatenate([np.zeros(0, dtype=np.intp), *(chosen for chosen, _ in kept)])
    classes = np.repeat([number for _, number in kept], [len(chosen) for chosen, _ in kept]).astype(np.intp)
    return Found(placed[rows], every[rows, classes], classes)


def _boxes(sides: Floats, cells: NDArray[np.intp], stride: int, across: int) -> Floats:
    """Boxes (n, 4) in pixels of `cells`, counted row by row over rows of `across`."""
    spread = sides.reshape(len(cells), 4, sides.shape[-1] // 4)
    weights = np.exp(spread - spread.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    reach = (weights @ np.arange(weights.shape[2], dtype=np.float32)) * stride
    middle = np.stack([(cells % across + 0.5) * stride, (cells // across + 0.5) * stride], axis=1)
    boxes: Floats = np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], axis=1).astype(np.float32)
    return boxes


def _surest(boxes: Floats, scores: Floats, overlap: float) -> NDArray[np.intp]:
    """Indices of boxes, the surest first, none of which covers another by more than `overlap`."""
    order = np.argsort(-scores, kind="stable")[:_MOST_CANDIDATES]
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[_shared(boxes[best], boxes[order]) <= overlap]
    return np.array(kept, dtype=np.intp)


def _shared(box: Floats, others: Floats) -> Floats:
    """The intersection of `box` with each of `others`, as a share of their union."""
    inside = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    result: Floats = inside / np.maximum((box[2:] - box[:2]).prod() + areas - inside, 1e-9)
    return result
