"""What an OCR engine answers for one picture, and what every engine can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from omnipipe.page import Block, Line

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.lines import FoundLine
    from omnipipe.tasks.ocr_extraction.picture import Picture


@dataclass(frozen=True, slots=True)
class OcrResult:
    """The text of one picture.

    `content` is markdown in reading order, empty where no text was found. Boxes of `lines` and `blocks` are shares
    (0 to 1) of the picture after it was turned by `rotation_applied` degrees clockwise (0, 90, 180 or 270); `width` and
    `height` are its pixels after that turn. `confidence` (0 to 1) is the mean over all characters, None
    without text; Tesseract's counts the lines that were dropped as too doubtful as well. `quality` (0 to 1) is the
    share of characters that may be expected to be right, None without text.
    """

    content: str
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    confidence: float | None
    rotation_applied: int
    width: int
    height: int
    engine: str
    model: str
    quality: float | None = None

    @property
    def word_count(self) -> int:
        """Words in all lines, split at white space."""
        return sum(len(line.text.split()) for line in self.lines)

    @property
    def content_length(self) -> int:
        """Characters of `content`."""
        return len(self.content)


class OcrEngine(Protocol):
    """What reads a picture. Making one is cheap: the model is loaded at the first picture, or by `load`."""

    @property
    def version(self) -> str:
        """The engine's name and version."""
        ...

    def load(self) -> None:
        """Load the model now."""
        ...

    def extract(self, picture: Picture) -> OcrResult:
        """The text of `picture`.

        Raises:
            ValueError: `picture` is none of what `Picture` names.
        """
        ...

    def close(self) -> None:
        """Free the model; the next picture loads it again."""
        ...


def mean_confidence(lines: Sequence[Line] | Sequence[FoundLine]) -> float | None:
    """The mean confidence of the characters of `lines` (0 to 1), None where there are none."""
    weights = sum(len(line.text) for line in lines)
    return sum(len(line.text) * (line.confidence or 0.0) for line in lines) / weights if weights else None
