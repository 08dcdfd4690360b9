"""The pages of a run that took longest: large pictures and long texts explain most of them."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import NamedTuple

from omnipipe.page import printable

_STEPS = ("read_ms", "render_ms", "queue_ms", "infer_ms")
_COLUMNS = ("source_uri", "page_number", "image_width", "image_height", "word_count", "route", *_STEPS)


class SlowPage(NamedTuple):
    """A page and what it took: `seconds` in all, `steps` in milliseconds, its picture in pixels, its words."""

    seconds: float
    source_uri: str
    page_number: int
    route: str
    steps: dict[str, float]
    image_width: int | None
    image_height: int | None
    word_count: int | None

    def __str__(self) -> str:
        steps = ", ".join(f"{name.removesuffix('_ms')} {spent / 1000:.1f}" for name, spent in self.steps.items())
        size = f", {self.image_width:,} x {self.image_height:,} px" if self.image_width and self.image_height else ""
        words = f", {self.word_count:,} words" if self.word_count is not None else ""
        page = f"{printable(self.source_uri)} page {self.page_number}"
        return f"{self.seconds:.1f} s  {page}, {self.route} ({steps}){size}{words}"


def find_slowest(run_dir: Path, number: int) -> list[SlowPage]:
    """At most `number` pages, the slowest first; one file of the run is in memory at a time.

    Times are a page's own: of those that an engine works on together, each has the time of all.
    """
    import pyarrow.parquet as pq

    slowest: list[SlowPage] = []
    for file in sorted((run_dir / "pages").glob("*.parquet")):
        rows = pq.read_table(file, columns=list(_COLUMNS), partitioning=None).to_pylist()
        slowest = heapq.nlargest(number, [*slowest, *map(_slow_page, rows)], key=lambda page: page.seconds)
    return slowest


def _slow_page(row: dict[str, object]) -> SlowPage:
    steps = {name: spent for name in _STEPS if isinstance(spent := row.pop(name), float)}
    return SlowPage(seconds=sum(steps.values()) / 1000, steps=steps, **row)  # type: ignore[arg-type]
