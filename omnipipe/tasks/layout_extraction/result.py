"""What a layout model answers for one picture."""

from __future__ import annotations

from dataclasses import dataclass

from omnipipe.page import Block


@dataclass(frozen=True, slots=True)
class LayoutResult:
    """The parts of one picture of `width` x `height` pixels, in the order of their `order`; their texts are empty.

    Boxes are shares (0 to 1) of the picture, confidences 0 to 1.
    """

    blocks: tuple[Block, ...]
    width: int
    height: int
    model: str
