"""What the OCR engines take as a picture, and how it becomes one array of grey or BGR pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias

from omnipipe.page import Pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    Image = NDArray[np.uint8]

Picture: TypeAlias = "Pillow.Image | NDArray[np.uint8] | Pixels"
"""A PIL image (its EXIF rotation is honoured), a uint8 array of shape (height, width), (height, width, 3) in RGB or
(height, width, 4) in RGBA, or a page's `Pixels`. Transparent parts count as white paper."""


def to_array(picture: Picture) -> Image:
    """`picture` as uint8, (height, width) for grey and (height, width, 3) in RGB for everything else.

    Raises:
        ValueError: The array's type or shape is none of those that `Picture` names, or it has no pixels.
    """
    import numpy as np
    from PIL import Image as Pillow

    if isinstance(picture, Pixels):
        if picture.format == "raw":
            shape = (picture.height, picture.width) + ((3,) if picture.mode == "RGB" else ())
            return np.frombuffer(picture.data, np.uint8).reshape(shape)
        with Pillow.open(io.BytesIO(picture.data)) as image:
            return _of_image(image)
    if isinstance(picture, Pillow.Image):
        return _of_image(picture)
    array = np.asarray(picture)
    if array.dtype != np.uint8 or array.size == 0 or not (array.ndim == 2 or array.shape[2:] in {(3,), (4,)}):
        raise ValueError(
            f"a picture of type {array.dtype} and shape {array.shape} cannot be read."
            " Give uint8 of shape (height, width), (height, width, 3) or (height, width, 4)."
        )
    return _of_image(Pillow.fromarray(array)) if array.shape[2:] == (4,) else array


def turned_pixels(pixels: Pixels, degrees: int) -> Pixels:
    """`pixels` turned clockwise by `degrees` (0, 90, 180 or 270); raw where they were turned."""
    if degrees % 360 == 0:
        return pixels
    import numpy as np

    image = np.ascontiguousarray(np.rot90(to_array(pixels), -degrees // 90))
    height, width = image.shape[:2]
    return Pixels(image.tobytes(), "raw", "L" if image.ndim == 2 else "RGB", width, height)


def _of_image(image: Pillow.Image) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        paper = Pillow.new("RGBA", upright.size, "white")
        paper.alpha_composite(upright)
        upright = paper.convert("RGB")
    elif upright.mode.startswith("I"):
        # Pillow clips 16-bit grey to 255 when it converts to L.
        values = np.asarray(upright, dtype=np.int64)
        return (values >> 8 if values.max(initial=0) > 255 else values).astype(np.uint8)
    elif upright.mode not in {"L", "RGB"}:
        upright = upright.convert("L" if upright.mode == "1" else "RGB")
    return np.asarray(upright)
