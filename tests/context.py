"""A worker's context of which nothing is needed; a test gives what its stage uses."""

from __future__ import annotations

from omnipipe.engines.base import EngineConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.page import Page
from omnipipe.reading.process import ReaderProcess
from omnipipe.stages.base import Answers


class NoContext:
    """Lends nothing; see `omnipipe.stages.base.StageContext`."""

    @property
    def reader(self) -> ReaderProcess:
        raise NotImplementedError

    def local_path(self, page: Page) -> str:
        raise NotImplementedError

    def engine(self, config: EngineConfig) -> EngineThread:
        raise NotImplementedError

    @property
    def answers(self) -> Answers:
        raise NotImplementedError
