"""Rows of pixels in the form that a render policy asks for. Runs in the child; Pillow is loaded only to compress."""

from __future__ import annotations

import io

from omnipipe.page import Pixels
from omnipipe.reading.facts import RenderPolicy


def encode(rows: bytes, width: int, height: int, policy: RenderPolicy) -> Pixels:
    """`rows` of `policy.mode` pixels without padding, as `policy.format`."""
    if policy.format == "raw":
        return Pixels(rows, "raw", policy.mode, width, height)
    from PIL import Image

    image = Image.frombytes(policy.mode, (width, height), rows)
    out = io.BytesIO()
    if policy.format == "jpeg":
        image.save(out, "JPEG", quality=policy.quality)
    else:
        # Level 1 is four times faster than the default and a few percent larger.
        image.save(out, "PNG", compress_level=1)
    return Pixels(out.getvalue(), policy.format, policy.mode, width, height)
