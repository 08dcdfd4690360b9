"""One page through the stages read, render and OCR, in a process that keeps its models: what `ocr_quality` asks for."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from omnipipe.page import Page, Pixels
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.stages.base import StageContext
from omnipipe.stages.ocr import Ocr
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.rapidocr import RapidOCR


class Task(NamedTuple):
    """A page (`number` from 1) of a document in `corpus`, and how to read it.

    `settings` is JSON; the picture is turned clockwise by `turned_by` degrees before it is read. Without `reads_text`
    only the page's direction is asked for, text layer or not.
    """

    corpus: str
    path: str
    number: int
    engine: str
    settings: str
    turned_by: int
    reads_text: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a task. `route` is the page's own; `turn` what OCR turned it by, degrees clockwise."""

    page: str
    turned_by: int
    route: str
    text: str
    quality: float | None
    confidences: list[tuple[float, int]]
    turn: int
    cpu_seconds: float

    @property
    def is_upright(self) -> bool:
        """Whether it was turned back. All pages of the corpus but three are stored upright; those are known here."""
        stored = next((turn for name, turn in _LYING.items() if name in self.page), 0)
        return (self.turn + self.turned_by - stored) % 360 == 0


_LYING = {"rotated_90": 90, "rotated-180": 180, "rotated-L": 90}
"""Degrees clockwise that set these pages upright."""


def read_page(task: Task) -> Reading:
    """The page as the OCR stage leaves it; route `text_layer` or `none` where it never comes there."""
    name = f"{task.path}#{task.number}"
    path = str(Path(task.corpus) / task.path)
    ocr = _opened(task.engine, task.settings)
    context = cast("StageContext", _context())
    page = Page(doc_id=path, uri=path, index=task.number - 1, count=task.number)
    for stage in (Read(text_layer=task.reads_text), Render().suited(ocr.picture)):
        stage.open(context)
        if stage.wants(page):
            [page] = stage.process([page])
    if not ocr.wants(page):
        return Reading(name, task.turned_by, page.route, page.text or "", page.quality, [], 0, 0.0)
    page = page.with_(image=_turned(cast("Pixels", page.image), task.turned_by), rotation_applied=0)
    start = time.process_time()
    if not task.reads_text:
        turn = cast("RapidOCR", ocr._reader).find_turn(cast("Pixels", page.image))
        return Reading(name, task.turned_by, "ocr", "", None, [], turn, time.process_time() - start)
    [page] = ocr.process([page])
    took = time.process_time() - start
    confidences = [(line.confidence or 0.0, len(line.text)) for line in page.lines]
    turn = page.rotation_applied or 0
    return Reading(name, task.turned_by, page.route, page.text or "", page.quality, confidences, turn, took)


def _turned(picture: Pixels, degrees: int) -> Pixels:
    import numpy as np

    rows = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width)
    turned = np.rot90(rows, -degrees // 90)
    height, width = turned.shape
    return Pixels(turned.tobytes(), "raw", "L", width, height)


@cache
def _opened(engine: str, settings: str) -> Ocr:
    stage = Ocr.model_validate({"engine": engine, **json.loads(settings)})
    stage.open(cast("StageContext", _context()))
    if stage._reader is not None:
        stage._reader.load()
    return stage


@cache
def _context() -> _Context:
    return _Context()


class _Context:
    """Lends a reader process; documents are local files."""

    def __init__(self) -> None:
        self.reader = ReaderProcess(ReaderLimits())

    def local_path(self, page: Page) -> str:
        return page.uri
