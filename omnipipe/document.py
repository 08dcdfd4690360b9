"""One document in Python: its pages as pictures and text, without a pipeline."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from omnipipe.page import PageError, Pixels, ProblemError

if TYPE_CHECKING:
    from PIL import Image

    from omnipipe.reading.facts import DocumentFacts, PageFacts, RenderPolicy
    from omnipipe.reading.process import ReaderProcess

_PAGES_AT_ONCE = 4


class Document:
    """A PDF or an image file; every frame of an image is a page. Indices count from 0.

    It is opened at first use, in a process of its own that a broken file can take down without harm. Use it as a
    context manager, or call `close`. Not for several threads.

        with Document.from_pdf("report.pdf") as document:
            picture = document.get_page(0)
            text = document.get_page_text(0)
    """

    def __init__(self, path: str | os.PathLike[str], *, password: str | None = None, dpi: float = 150.0) -> None:
        """A document in a local file. PDF pages are drawn at `dpi`, at most 6,000 pixels a side and 24 million."""
        self._path = os.fspath(path)
        self._passwords = () if password is None else (password,)
        self._dpi = dpi
        self._owned: Path | None = None
        self._reader: ReaderProcess | None = None
        self._facts: DocumentFacts | None = None

    @classmethod
    def from_pdf(
        cls, source: str | os.PathLike[str] | bytes, *, password: str | None = None, dpi: float = 150.0
    ) -> Self:
        """A document from a PDF file, or from a PDF's bytes."""
        if isinstance(source, bytes):
            return cls.from_bytes(source, password=password, dpi=dpi)
        return cls(source, password=password, dpi=dpi)

    @classmethod
    def from_image(cls, source: str | os.PathLike[str] | bytes) -> Self:
        """A document from an image file, or from an image file's bytes."""
        return cls.from_bytes(source) if isinstance(source, bytes) else cls(source)

    @classmethod
    def from_bytes(cls, content: bytes, *, password: str | None = None, dpi: float = 150.0) -> Self:
        """A document from the bytes of a PDF or image file; they lie in a temporary file until `close`."""
        descriptor, name = tempfile.mkstemp(prefix="omnipipe-")
        with open(descriptor, "wb") as file:
            file.write(content)
        document = cls(name, password=password, dpi=dpi)
        document._owned = Path(name)
        return document

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return self.page_count

    @property
    def page_count(self) -> int:
        """How many pages there are.

        Raises:
            ProblemError: The document cannot be opened; `error.code` says why (`encrypted`, `corrupt`, ...).
        """
        return self._open().page_count

    @property
    def metadata(self) -> dict[str, str]:
        """What a PDF says of itself: title, author, subject, keywords, creator, producer, created, modified."""
        return dict(self._open().metadata)

    def get_page(self, index: int) -> Image.Image:
        """The upright picture of page `index` in RGB.

        Raises:
            IndexError: There is no such page.
            ProblemError: The page cannot be drawn.
        """
        self._check(index)
        (picture,) = self._pictures([index])
        return picture

    def iter_pages(self) -> Iterator[Image.Image]:
        """The upright pictures of all pages in RGB, one after the other; a few are drawn ahead.

        Raises:
            ProblemError: A page cannot be drawn. `get_page` can still be asked for those after it.
        """
        for start in range(0, self.page_count, _PAGES_AT_ONCE):
            yield from list(self._pictures(range(start, min(self.page_count, start + _PAGES_AT_ONCE))))

    def get_page_text(self, index: int) -> str:
        """The text layer of page `index` as markdown, trusted or not; empty where it has none.

        Raises:
            IndexError: There is no such page.
            ProblemError: The page cannot be read.
        """
        self._check(index)
        facts = self._read(index)
        return facts.layer.text if facts.layer is not None else ""

    def get_page_rotation(self, index: int) -> int:
        """Degrees clockwise (0, 90, 180, 270) by which the file asks to turn page `index`; `get_page` has done it.

        Raises:
            IndexError: There is no such page.
            ProblemError: The page cannot be read.
        """
        self._check(index)
        return self._read(index, text_layer=False).rotation

    def close(self) -> None:
        """End the reading process and remove the temporary file of `from_bytes`."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._owned is not None:
            self._owned.unlink(missing_ok=True)
            self._owned = None

    def __del__(self) -> None:
        owned = getattr(self, "_owned", None)
        if owned is not None:
            owned.unlink(missing_ok=True)

    @property
    def _live(self) -> ReaderProcess:
        if self._reader is None:
            from omnipipe.reading.process import ReaderProcess

            self._reader = ReaderProcess(passwords=self._passwords)
        return self._reader

    def _open(self) -> DocumentFacts:
        if self._facts is None:
            self._facts = self._live.inspect(self._path)
        return self._facts

    def _check(self, index: int) -> None:
        if not 0 <= index < self.page_count:
            raise IndexError(
                f"there is no page {index} in {Path(self._path).name}, whose {self.page_count} count from 0"
            )

    def _policy(self) -> RenderPolicy:
        from omnipipe.reading.facts import RenderPolicy

        return RenderPolicy(dpi=self._dpi, longest_side=6000, max_pixels=24_000_000, format="raw", mode="RGB")

    def _pictures(self, indices: Sequence[int]) -> Iterator[Image.Image]:
        for found in self._live.render_pages(self._path, indices, self._policy()):
            if isinstance(found, PageError):
                raise ProblemError(*found)
            yield to_image(found)

    def _read(self, index: int, *, text_layer: bool = True) -> PageFacts:
        from omnipipe.reading.facts import ReadOptions

        (found,) = self._live.read_pages(self._path, [index], ReadOptions(text_layer=text_layer))
        if isinstance(found, PageError):
            raise ProblemError(*found)
        return found


def to_image(pixels: Pixels) -> Image.Image:
    """`pixels` as a loaded Pillow image."""
    from PIL import Image

    if pixels.format == "raw":
        return Image.frombytes(pixels.mode, (pixels.width, pixels.height), pixels.data)
    image = Image.open(io.BytesIO(pixels.data))
    image.load()
    return image
