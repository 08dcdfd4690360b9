"""What a stage is: a step that takes pages and gives the same pages back, fuller, one to one and in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from omnipipe.config import Config

if TYPE_CHECKING:
    from omnipipe.page import Page
    from omnipipe.reading.process import ReaderProcess


class StageContext(Protocol):
    """What a worker lends its stages: one reader process, and documents as local files."""

    @property
    def reader(self) -> ReaderProcess:
        """The killable child process that reads documents; started at first use, shared by the worker's stages."""
        ...

    def local_path(self, page: Page) -> str:
        """A local file with the bytes of `page`'s document, checked to be those that were indexed.

        Raises:
            ProblemError: The bytes cannot be had any more (`missing`, `unreadable`) or are others (`changed`).
        """
        ...


class Stage(Config):
    """A step of a pipeline. Its settings are its fields; heavy things are loaded in `open`, never before.

    A stage sees the pages it `wants` and returns as many, in the same order. What it raises costs one page: the worker
    repeats a failed batch page by page and turns the culprit into an error row.
    """

    batch_size: ClassVar[int] = 64
    """Pages a call of `process` gets at most."""

    makes_pixels: ClassVar[bool] = False
    """Whether pages leave this stage with pixels: from the first such stage on, a worker takes few pages at a time."""

    needs_pixels: ClassVar[bool] = False
    """Whether this stage looks at pixels: a pipeline without a stage that makes them before it is refused."""

    def wants(self, page: Page) -> bool:
        """Whether this stage should see `page`. By default: pages that are still open."""
        return page.is_open

    def open(self, context: StageContext) -> None:
        """Load what is expensive, once per worker."""

    @abstractmethod
    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """The same pages, fuller: as many, in the same order."""

    def close(self) -> None:
        """Free what `open` took."""
