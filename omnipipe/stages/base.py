"""What a stage is: a step that takes pages and gives the same pages back, fuller, one to one and in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from omnipipe.config import Config

if TYPE_CHECKING:
    from omnipipe.engines.base import EngineConfig
    from omnipipe.engines.thread import EngineThread
    from omnipipe.model import Completion
    from omnipipe.page import Page
    from omnipipe.reading.facts import RenderPolicy
    from omnipipe.reading.process import ReaderProcess


class Answers(Protocol):
    """Where dear answers are kept until their page is committed, so that none is asked for twice."""

    def find(self, key: str) -> Completion | None:
        """The answer that was kept under `key`."""
        ...

    def keep(self, key: str, completion: Completion) -> None:
        """Keep an answer: it survives the death of this process."""
        ...


class StageContext(Protocol):
    """What a worker lends its stages: a reader process, documents as local files, engines, answers that are there."""

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

    def engine(self, config: EngineConfig) -> EngineThread:
        """The engine of `config`, loading or loaded; shared by the workers of a process."""
        ...

    @property
    def answers(self) -> Answers:
        """The answers of the unit that is worked on."""
        ...


class Stage(Config):
    """A step of a pipeline. Its settings are its fields; heavy things are loaded in `open`, never before.

    A stage sees the pages it `wants` and returns as many, in the same order. What it raises costs one page: the worker
    repeats a failed batch page by page and turns the culprit into an error row.
    """

    batch_size: ClassVar[int] = 64
    """Pages a call of `process` gets at most."""

    deadline: ClassVar[float | None] = 600.0
    """Seconds that a call of a user's own stage may take, None: any time. A late batch is repeated page by page."""

    makes_pixels: ClassVar[bool] = False
    """Whether pages leave this stage with pixels: from the first such stage on, a worker takes few pages at a time."""

    needs_pixels: ClassVar[bool] = False
    """Whether this stage looks at pixels: a pipeline without a stage that makes them before it is refused."""

    @property
    def picture(self) -> RenderPolicy | None:
        """The picture that this stage reads best, for the `Render` before it; None where it has no wish."""
        return None

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


class WaitingStage(Stage):
    """A stage whose pages are worked on elsewhere: by an engine that answers many requests at once."""

    @property
    @abstractmethod
    def engine_config(self) -> EngineConfig:
        """The engine that its pages wait for."""

    @abstractmethod
    def with_engine(self, engine: EngineConfig) -> Self:
        """This stage with another engine."""

    @abstractmethod
    def start(self, pages: Sequence[Page]) -> Callable[[], Sequence[Page]]:
        """Hand `pages` over and return at once; what is returned waits, and gives them back in the same order."""

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """The same pages, fuller."""
        return self.start(pages)()
