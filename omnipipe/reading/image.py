"""Image files through Pillow; every frame is a page, but thumbnails. Runs in the reader's child process only."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from itertools import count
from pathlib import PurePath
from time import perf_counter

from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from omnipipe.page import Pixels, ProblemError
from omnipipe.reading.deep_jp2 import decoded, find_stretch, is_deep
from omnipipe.reading.detect import webp_size
from omnipipe.reading.encode import encode
from omnipipe.reading.facts import MAX_IMAGE_PIXELS, PageFacts, ReadOptions, RenderPolicy
from omnipipe.reading.pixels import ORIENTATION, shrunk, upright
from omnipipe.reading.source import PageSource, Watch
from omnipipe.text.triage import Ink, judge
from omnipipe.text.trust.measure import Measures

_PLUGINS = {
    "png": "PNG",
    "jpeg": "JPEG",
    "tiff": "TIFF",
    "webp": "WEBP",
    "bmp": "BMP",
    "gif": "GIF",
    "jp2": "JPEG2000",
}
_ONE_FRAME = frozenset({"png", "jpeg", "bmp", "jp2"})
_ROTATIONS = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}

_MOST_LOST = 16
_NEW_SUBFILE_TYPE = 254
_REDUCED, _MASK = 1, 4
# Pillow 12 takes its header for that of another TIFF.
_BIG_ENDIAN_BIGTIFF = b"MM\0\x2b"
_CONVERT = "Convert it to one of grey or RGB."

# As for PDF pages: `omnipipe.text.triage.measure_ink`.
_INK_SIDE = 400
_CONTRAST = 40

# Resolutions outside of this are placeholders: TIFF writers put 1, cameras and image editors 72.
_LOWEST_DPI, _HIGHEST_DPI = 73.0, 2400.0


class ImageSource(PageSource):
    """An open image file. `head` is the file's beginning.

    Raises:
        ProblemError: `corrupt`, or `too_large` where its header claims more than `MAX_IMAGE_PIXELS`.
    """

    def __init__(self, path: str, format: str, *, head: bytes) -> None:
        # Sizes are checked here, before each decoding; Pillow's own limit is a warning and then an exception.
        Image.MAX_IMAGE_PIXELS = None
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        # Pillow's own way misreads uncompressed files that lie on their side, and 16 bits in a plane for each colour.
        TiffImagePlugin.READ_LIBTIFF = True
        warnings.simplefilter("ignore")
        self.format = format
        self.metadata: dict[str, str] = {}
        self._path = path
        self._head = head
        self._name = PurePath(path).name[:80]
        if format == "webp":
            self._check_size(webp_size(head) or (0, 0), MAX_IMAGE_PIXELS)
        with self._decoding():
            self._image: Image.Image = self._opened()
            self._check_size(self._image.size, MAX_IMAGE_PIXELS)
            num_frames = 1 if format in _ONE_FRAME else self._count_frames()
            self._frames = _pages_of_tiff(self._image, num_frames) if format == "tiff" else range(num_frames)
            self.page_count = len(self._frames)
        self._is_used = False

    def read(self, index: int, options: ReadOptions, watch: Watch) -> PageFacts:
        start = perf_counter()
        with self._decoding(index):
            image = self._frame(index, options.max_image_pixels)
            # What stands behind a PNG's pixels, such as its orientation, is known only once they are decoded.
            width, height = _upright_size(image)
            dpi = _dpi(image)
            rotation = _ROTATIONS.get(image.getexif().get(ORIENTATION, 1), 0)
            ink = self._ink(image)
        verdict = judge(Measures(), ink, options.text)
        return PageFacts(
            width_pt=width / dpi[0] * 72 if dpi else None,
            height_pt=height / dpi[1] * 72 if dpi else None,
            rotation=rotation,
            ink_ratio=ink.ratio,
            has_text_layer=False,
            layer=None,
            needs_ocr=verdict.needs_ocr,
            is_blank=verdict.is_blank,
            quality=None,
            reasons=verdict.reasons,
            read_ms=(perf_counter() - start) * 1000,
        )

    def render(self, index: int, policy: RenderPolicy) -> Pixels:
        with self._decoding(index):
            image = self._frame(index, policy.max_image_pixels)
            size = policy.fit(*_upright_size(image))
            if self.format == "jpeg":
                image.draft(None, size[::-1] if _is_sideways(image) else size)
            picture = shrunk(upright(image, policy.mode), size)
        return encode(picture.tobytes(), *size, policy)

    def estimate_ocr_share(self) -> float:
        return 1.0

    def close(self) -> None:
        self._image.close()

    def _opened(self) -> Image.Image:
        try:
            return Image.open(self._path, formats=(_PLUGINS[self.format],))
        except UnidentifiedImageError as unknown:
            if self.format == "tiff":
                if self._head.startswith(_BIG_ENDIAN_BIGTIFF):
                    raise ProblemError("unsupported", f"{self._name} is a big-endian BigTIFF. {_CONVERT}") from unknown
                # Says why.
                return TiffImagePlugin.TiffImageFile(self._path)
            raise

    def _count_frames(self) -> int:
        try:
            return int(getattr(self._image, "n_frames", 1))
        except Exception:  # noqa: BLE001 - whatever the damage makes of Pillow's code
            # A frame whose header is damaged is a page that cannot be read; those beside it can.
            self.metadata["damage"] = "the list of its pages is damaged"
            return _count_one_by_one(self._image)

    def _frame(self, index: int, max_pixels: int) -> Image.Image:
        frame = self._frames[index]
        # A decoded frame is no longer as the file has it: the TIFF plugin turns it in place.
        if self._is_used and frame <= self._image.tell():
            self._image.close()
            self._image = self._opened()
        self._is_used = True
        if frame != self._image.tell():
            self._image.seek(frame)
        self._check_size(self._image.size, max_pixels)
        if self.format == "jp2" and is_deep(self._path, self._image):
            picture = decoded(self._path)
            picture.info = self._image.info
            return picture
        if self.format == "jp2" and (stretch := find_stretch(self._path, self._image)):
            return self._image.point(stretch)
        return self._image

    def _ink(self, image: Image.Image) -> Ink:
        if self.format == "jpeg":
            image.draft("L", (_INK_SIDE, _INK_SIDE))
        grey = upright(image, "L")
        grey.thumbnail((_INK_SIDE, _INK_SIDE), Image.Resampling.BOX)
        counts = grey.histogram()
        paper = max(range(256), key=counts.__getitem__)
        same = sum(counts[max(0, paper - _CONTRAST) : paper + _CONTRAST + 1])
        return Ink(ratio=1 - same / sum(counts), uncovered=1.0, thin=1.0)

    def _check_size(self, size: tuple[int, int], max_pixels: int) -> None:
        width, height = size
        if width * height > max_pixels:
            raise ProblemError(
                "too_large",
                f"{self._name} claims {width:,} x {height:,} pixels. At most {max_pixels:,} are decoded.",
            )

    @contextmanager
    def _decoding(self, index: int | None = None) -> Iterator[None]:
        try:
            yield
        except (ProblemError, MemoryError):
            raise
        except Exception as problem:
            # Whatever the damage makes of Pillow's code: failed assertions and bare keys are among it.
            where = self._name if index is None else f"{self._name} page {index + 1}"
            if isinstance(problem, SyntaxError) and isinstance(problem.__cause__, KeyError):
                # So Pillow says of a TIFF's compressions and kinds of pixels that it does not know.
                said = "is a TIFF with a compression or a kind of pixels that is not read."
                raise ProblemError("unsupported", f"{where} {said} {_CONVERT}") from problem
            if index is not None and (lacking := self._image.info.get("compression")) in _lacking():
                said = f"is a TIFF with the compression {lacking}, which this Pillow's libtiff does not have."
                raise ProblemError("unsupported", f"{where} {said} Compress it with deflate.") from problem
            reason = str(problem).replace(f" {self._path!r}", "")[:160].rstrip(".")
            said = reason if " " in reason else "it cannot be decoded"
            raise ProblemError("corrupt", f"{where} is damaged or cut off: {said}.") from problem


@cache
def _lacking() -> frozenset[str]:
    """The compressions of TIFF that the libtiff within this Pillow was built without."""
    lacking = set()
    for compression in ("webp", "zstd", "lzma"):
        try:
            Image.new("RGB", (8, 8)).save(BytesIO(), "TIFF", compression=compression)
        except OSError:
            lacking.add(compression)
    return frozenset(lacking)


def _count_one_by_one(image: Image.Image) -> int:
    """Frames up to the last one that there is; of many in a row that cannot be found one is counted, for the rest."""
    last = 0
    for index in count(1):
        try:
            image.seek(index)
            last = index
        except EOFError:
            return index
        except Exception:  # noqa: BLE001 - as above
            if index - last == _MOST_LOST:
                return last + 2
    raise AssertionError("counting never ends")


def _pages_of_tiff(image: Image.Image, num_frames: int) -> Sequence[int]:
    """The frames that are pages: not a smaller copy of the one before them, or its mask, as the file says."""
    if num_frames == 1:
        return range(1)
    pages: list[int] = []
    full = (0, 0)
    for frame in range(num_frames):
        size, is_copy = full, False
        with suppress(Exception):  # Damaged: a page that cannot be read.
            image.seek(frame)
            size, kind = image.size, image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)  # type: ignore[attr-defined]
            is_smaller = size[0] < full[0] and size[1] < full[1]
            is_copy = bool(kind & _MASK or (kind & _REDUCED and is_smaller))
        if not (pages and is_copy):
            pages.append(frame)
            full = size
    image.seek(0)
    return pages


def _is_sideways(image: Image.Image) -> bool:
    return image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # The TIFF plugin gives the size of the upright picture from the start.
    return (height, width) if _is_sideways(image) and image.format != "TIFF" else (width, height)


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """Pixels an inch along the upright picture's width and height; None where the file says nothing to believe."""
    claimed = image.info.get("dpi")
    if not claimed:
        return None
    across, down = float(claimed[0]), float(claimed[1])
    if not (_LOWEST_DPI <= across <= _HIGHEST_DPI and _LOWEST_DPI <= down <= _HIGHEST_DPI):
        return None
    return (down, across) if _is_sideways(image) else (across, down)
