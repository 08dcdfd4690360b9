"""The order in which boxes on a page are read: columns one after another, what crosses them in between."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.page import Box

_SLACK = 0.006
"""Share of the page by which boxes may lie over one another: a model's boxes are not exact."""
_DEEPEST = 12


def order_boxes(boxes: Sequence[Box], *, rtl: bool = False) -> list[int]:
    """Indices of `boxes` (shares of the page) in reading order; `rtl`: the right column comes first."""
    return _ordered([_Item.of(index, box) for index, box in enumerate(boxes)], rtl, 0)


class _Item:
    """A box and its index, each side pulled in a little: `spans[0]` from left to right, `spans[1]` downwards."""

    __slots__ = ("index", "spans")

    def __init__(self, index: int, spans: tuple[tuple[float, float], tuple[float, float]]) -> None:
        self.index = index
        self.spans = spans

    @classmethod
    def of(cls, index: int, box: Box) -> _Item:
        x, y = min(_SLACK, (box[2] - box[0]) / 4), min(_SLACK, (box[3] - box[1]) / 4)
        return cls(index, ((box[0] + x, box[2] - x), (box[1] + y, box[3] - y)))


def _ordered(items: list[_Item], rtl: bool, depth: int) -> list[int]:
    if len(items) < 2 or depth > _DEEPEST:
        return [item.index for item in sorted(items, key=lambda item: (item.spans[1], item.spans[0]))]
    groups = _groups(_cut(items, 1))
    if len(groups) > 1:
        return [index for group in groups for index in _ordered(group, rtl, depth + 1)]
    columns = _cut(items, 0)
    if len(columns) > 1:
        return [index for column in (columns[::-1] if rtl else columns) for index in _ordered(column, rtl, depth + 1)]
    return [item.index for item in sorted(items, key=lambda item: (item.spans[1], item.spans[0]))]


def _groups(bands: list[list[_Item]]) -> list[list[_Item]]:
    """`bands`, those below one another that stand in the same columns put together."""
    groups: list[list[_Item]] = []
    is_columned = False
    for band in bands:
        joined = [*groups[-1], *band] if is_columned else []
        if joined and len(_cut(joined, 0)) > 1:
            groups[-1] = joined
            continue
        groups.append(band)
        is_columned = len(_cut(band, 0)) > 1
    return groups


def _cut(items: list[_Item], axis: int) -> list[list[_Item]]:
    """`items` in parts with nothing across the gaps between them, along `axis` (0: columns, 1: bands)."""
    parts: list[list[_Item]] = []
    end = 0.0
    for item in sorted(items, key=lambda item: item.spans[axis]):
        start, stop = item.spans[axis]
        if parts and start < end:
            parts[-1].append(item)
            end = max(end, stop)
        else:
            parts.append([item])
            end = stop
    return parts
