"""A picture from anywhere, as a family of models wants it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from omnipipe.errors import InputError
from omnipipe.page import Pixels
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.ocr_extraction.picture import Picture, to_array

if TYPE_CHECKING:
    from PIL import Image

PictureLike: TypeAlias = "Picture | str | Path"
"""A PIL image (what `Document.get_page` gives), a uint8 array, a page's `Pixels`, or the path of an image file."""


def to_pixels(picture: PictureLike, policy: RenderPolicy) -> Pixels:
    """`picture`, upright and on white, in the size and form that `policy` asks for; larger ones are scaled down.

    Raises:
        InputError: A path is no image file.
        ValueError: The array's type or shape is none of those that `Picture` names.
    """
    from PIL import Image

    from omnipipe.reading.encode import encode
    from omnipipe.reading.pixels import shrunk

    if isinstance(picture, Pixels) and _is_as_asked(picture, policy):
        return picture
    found = _opened(picture) if isinstance(picture, str | Path) else picture
    image = Image.fromarray(to_array(found)).convert(policy.mode)
    size = policy.fit(*image.size)
    return encode(shrunk(image, size).tobytes(), *size, policy)


def _is_as_asked(pixels: Pixels, policy: RenderPolicy) -> bool:
    size = (pixels.width, pixels.height)
    return (pixels.format, pixels.mode) == (policy.format, policy.mode) and policy.fit(*size) == size


def _opened(path: str | Path) -> Image.Image:
    from PIL import Image

    place = Path(path)
    try:
        with Image.open(place) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise InputError(f"there is no file {place}. Give the path of an image file.") from error
    except OSError as error:
        hint = (
            f"Use Document.from_pdf({place.name!r}).get_page(0)" if place.suffix.lower() == ".pdf" else "Give an image"
        )
        raise InputError(f"{place} is no image that can be read. {hint}.") from error
