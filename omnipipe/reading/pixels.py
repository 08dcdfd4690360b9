"""Decoded images of any mode as upright grey or RGB pictures on white. Runs in the child only."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageStat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import ImageCms

ORIENTATION = 0x0112
"""The EXIF tag that says which way a picture was taken, 1 to 8."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TIFF_PHOTOMETRIC = 262
_TIFF_BITS = 258
_TIFF_COLORMAP = 320
_TIFF_SAMPLE_FORMAT = 339
_UNSIGNED, _SIGNED = 1, 2
_TWELVE_BITS = 4095
# Grey that is no ink on white; and more of a picture than writing covers: beyond it is a white page with clear margins.
_UNSEEN = 240
_MOST_WRITING = 0.5
_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})


def upright(image: Image.Image, mode: Literal["L", "RGB"]) -> Image.Image:
    """`image` turned as its EXIF or TIFF orientation asks, without transparency, in `mode`; a loaded copy or itself."""
    image.load()
    if image.mode in _DEEP_MODES or (image.mode == "L" and _sample_format(image) == _SIGNED):
        return _turned(_shallow(image), image).convert(mode)
    _mend_palette(image)
    picture = _turned(image, image)
    if picture.mode == "LAB":
        picture = _lab_to_rgb(picture)
    if image.format == "BMP" and picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
        # Many programs leave the fourth byte empty that their header calls opacity.
        picture = picture.convert("RGB")
    if picture.has_transparency_data:
        picture = _on_paper(picture)
    return picture if picture.mode == mode else picture.convert(mode)


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`image` (grey or RGB) at `size` pixels, smoothed; itself where that is its size already."""
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _turned(picture: Image.Image, image: Image.Image) -> Image.Image:
    """`picture`, made from `image`, turned as that one asks."""
    # The TIFF plugin has turned its frame while it loaded it, and its EXIF still says how.
    if image.format == "TIFF":
        return picture
    method = _TURNS.get(image.getexif().get(ORIENTATION, 1))
    return picture if method is None else picture.transpose(method)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    """CIELab under D50 in sRGB: TIFF 6.0, section 23, leaves the white open, and writers use that one."""
    from PIL import ImageCms

    picture = ImageCms.applyTransform(image, _lab_transform())
    assert picture is not None, "only a transform in place gives none"
    return picture


@cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")


def _on_paper(image: Image.Image) -> Image.Image:
    """Transparent `image` on white; light writing, which nobody would see there, on black."""
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    paper = Image.new("RGB", rgba.size, (255, 255, 255))
    paper.paste(rgba, mask=alpha)
    (darkest, _), coverage = paper.convert("L").getextrema(), ImageStat.Stat(alpha).mean[0] / 255
    if isinstance(darkest, int) and darkest >= _UNSEEN and 0 < coverage < _MOST_WRITING:
        paper = Image.new("RGB", rgba.size, (0, 0, 0))
        paper.paste(rgba, mask=alpha)
    return paper


def _shallow(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit, float and signed grey in 8 bits; Pillow's own conversion cuts off what is above 255."""
    import numpy as np

    values = _numbers(image)
    known = values[np.isfinite(values)] if image.mode == "F" else values
    lowest, highest = float(known.min(initial=0.0)), float(known.max(initial=0.0))
    if lowest < 0:
        # Measurements more than scans: there is no grey that all writers take for black.
        values = values - lowest
        full = highest - lowest
    elif image.mode == "F":
        full = 1.0 if highest <= 1.0 else 255.0 if highest <= 255.0 else highest
    elif (most := _find_highest_signed(image)) is not None:
        full = float(_TWELVE_BITS) if 255 < highest <= _TWELVE_BITS else most
    elif image.mode == "I" and highest <= 255:
        # What has no use for its 32 bits was made of 8; of 16, it would be all but black.
        full = 255.0
    else:
        # Scanners and microscopes keep 12 bits in 16: a picture that uses no more would come out black.
        full = float(_TWELVE_BITS) if 255 < highest <= _TWELVE_BITS else 65535.0 if highest <= 65535 else highest
    grey = np.clip(np.nan_to_num(values) * (255.0 / full) + 0.5, 0, 255).astype(np.uint8)
    if _is_white_zero(image):
        grey = 255 - grey
    # Where a picture has no value there is no ink.
    grey[np.isnan(values)] = 255
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return Image.fromarray(grey)


def _numbers(image: Image.Image) -> NDArray[np.float32]:
    """The values of grey `image` as its file means them: Pillow takes bytes for unsigned and 32 bits for signed."""
    import numpy as np

    stored = np.asarray(image)
    kind = _sample_format(image)
    if stored.dtype == np.uint8 and kind == _SIGNED:
        stored = stored.view(np.int8)
    elif stored.dtype == np.int32 and kind == _UNSIGNED:
        stored = stored.view(np.uint32)
    return stored.astype(np.float32)


def _sample_format(image: Image.Image) -> int | None:
    """What kind of numbers a TIFF has; None for other images, and where it does not say."""
    kinds = getattr(image, "tag_v2", {}).get(_TIFF_SAMPLE_FORMAT)
    return kinds[0] if kinds else None


def _find_highest_signed(image: Image.Image) -> float | None:
    """The highest value of signed grey of 8 or 16 bits, None for other images."""
    if _sample_format(image) != _SIGNED:
        return None
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (1,))[0]
    return float(2 ** (bits - 1) - 1) if bits in (8, 16) else None


def _mend_palette(image: Image.Image) -> None:
    # The colours of a TIFF have 16 bits; where none has more than 8, its writer took them for 8, and all were black.
    colours = getattr(image, "tag_v2", {}).get(_TIFF_COLORMAP, ())
    if image.mode == "P" and len(colours) % 3 == 0 and 0 < max(colours, default=0) <= 255:
        third = len(colours) // 3
        image.putpalette(bytes(colours[band * third + entry] for entry in range(third) for band in range(3)))


def _is_white_zero(image: Image.Image) -> bool:
    # Pillow inverts such grey of 1 and 8 bits itself, and leaves 16 bits as they are.
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_TIFF_PHOTOMETRIC) == 0
