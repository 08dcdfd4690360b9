"""Depths other than 8 bits in JPEG 2000, in 8 bits.

Of colours of more than 8 bits Pillow rounds the brightest up to 256, which is black; less than 8 bits it only shifts,
and white becomes grey.
"""

from __future__ import annotations

import struct

from PIL import Image

_SIZ = b"\xff\x4f\xff\x51"
_DEPTH_AT = 42


def is_deep(path: str, image: Image.Image) -> bool:
    """Whether the colours of `image`, which is at `path`, need this module; grey does not."""
    return image.mode in ("RGB", "RGBA") and _bits(path) > 8


def find_stretch(path: str, image: Image.Image) -> list[int] | None:
    """For each value that Pillow gives for `image`, which is at `path`, the right one; None where they are right."""
    bits = _bits(path) if image.mode in ("L", "RGB") else 8
    if bits >= 8:
        return None
    brightest = (1 << bits) - 1
    return [round((value >> (8 - bits)) * 255 / brightest) for value in range(256)] * len(image.getbands())


def decoded(path: str) -> Image.Image:
    """The picture in RGB or RGBA.

    Raises:
        ValueError: It cannot be decoded.
    """
    # Slow to load, and hardly ever needed.
    import cv2
    import numpy as np

    cv2.utils.logging.setLogLevel(0)
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3 or values.shape[2] not in (3, 4):
        raise ValueError("its colours of more than 8 bits cannot be decoded")
    # To 8 bits first: in floating point a large scan would take more memory than the reader has.
    shades = cv2.convertScaleAbs(values, alpha=255.0 / ((1 << _bits(path)) - 1))
    order = cv2.COLOR_BGR2RGB if shades.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return Image.fromarray(cv2.cvtColor(shades, order))


def _bits(path: str) -> int:
    """Bits of the first colour; 8 where the file does not say."""
    with open(path, "rb") as file:
        before = b""
        while chunk := file.read(1 << 16):
            at = (before + chunk).find(_SIZ)
            if at >= 0:
                head = (before + chunk + file.read(64))[at:]
                return (struct.unpack_from("B", head, _DEPTH_AT)[0] & 0x7F) + 1 if len(head) > _DEPTH_AT else 8
            before = chunk[-len(_SIZ) :]
    return 8
