"""Pieces of a job: pages of one document that one worker reads together, and the places where that is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from omnipipe.errors import OmnipipeError
from omnipipe.online.job import Asked, Row
from omnipipe.page import PageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Pages of one job for one worker. `spans` are 0-based, the stop exclusive.

    With `spans` None the document is not known yet: the worker opens it, finds out which pages are wanted and reads the
    first `first_pages` of them, or fewer where that takes longer than a moment. `deadline` is in seconds since 1970:
    pages that are not begun by then are not read. `answers` is the file that keeps dear answers until the job is final.
    `alone` asks for a worker with nothing else in work, for pages under suspicion.
    """

    job_id: str
    upload: Path
    file_name: str
    doc_id: str
    asked: Asked
    spans: tuple[tuple[int, int], ...] | None = None
    first_pages: int = 4
    page_count: int | None = None
    format: str | None = None
    passwords: tuple[str, ...] = field(default=(), repr=False)
    deadline: float | None = None
    answers: Path | None = None
    priority: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a worker found out about a document. `wanted` are the spans of pages to read (0-based, stop exclusive).

    `skipped` rows (pages beyond `max_pages`) and the one row of a document that cannot be opened are among the rows of
    the piece already.
    """

    page_count: int | None
    format: str | None
    num_pages: int
    wanted: tuple[tuple[int, int], ...]
    problem: PageError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceResult:
    """A finished piece: `opened` where the piece asked for it, the rows in page order, what the time went into."""

    rows: tuple[Row, ...]
    opened: Opened | None = None
    seconds: float = 0.0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    routes: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0


class WorkerLostError(OmnipipeError):
    """The worker of a piece died, or cannot be reached; another one may do it. Nothing of the piece was kept.

    `began` is False where the piece certainly did not reach a worker: then the piece is not suspected.
    """

    def __init__(self, message: str, *, began: bool = True) -> None:
        super().__init__(message)
        self.began = began

    def __reduce__(self) -> tuple[type[WorkerLostError], tuple[object, ...], dict[str, object]]:
        return type(self), self.args, self.__dict__


class PageService(Protocol):
    """Where pieces are done: threads of this process, or replicas of Ray Serve."""

    @property
    def slots(self) -> int:
        """Pieces that it works on at once; more only wait."""
        ...

    async def read(self, piece: Piece) -> PieceResult:
        """Do `piece`. Cancelling the call gives up what has not begun.

        Raises:
            WorkerLostError: Its worker died.
            UserError: The pipeline cannot work here at all (an engine that cannot be loaded).
        """
        ...

    async def health(self) -> None:
        """Return if pieces can be done.

        Raises:
            WorkerLostError: They cannot at the moment.
            EngineDeadError: They cannot.
        """
        ...

    async def close(self) -> None:
        """End all workers."""
        ...
