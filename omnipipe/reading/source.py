"""What the child asks of an open document, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnipipe.page import Pixels
    from omnipipe.reading.facts import PageFacts, ReadOptions, RenderPolicy


@dataclass(frozen=True, slots=True)
class Watch:
    """What a source says while it reads a page, and what it is to leave alone.

    `early` is given what is known already before a step that may take long. `sampling` is told each other page that is
    looked at, and None when that is over; pages in `avoided` are not. With `is_careful` nothing is read ahead.
    """

    early: Callable[[PageFacts], None]
    sampling: Callable[[int | None], None]
    avoided: frozenset[int] = frozenset()
    is_careful: bool = False


class PageSource(ABC):
    """An open document. Its methods raise `ProblemError` for what the document's bytes are to blame for."""

    format: str
    page_count: int
    metadata: dict[str, str]

    @abstractmethod
    def read(self, index: int, options: ReadOptions, watch: Watch) -> PageFacts:
        """What page `index` says."""

    @abstractmethod
    def render(self, index: int, policy: RenderPolicy) -> Pixels:
        """The picture of page `index`, upright."""

    @abstractmethod
    def estimate_ocr_share(self) -> float:
        """The share (0 to 1) of pages without text, from a small fixed sample."""

    @abstractmethod
    def close(self) -> None:
        """Free the file."""
