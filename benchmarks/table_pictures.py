"""Tables of pictures, cell by cell: python -m benchmarks.table_pictures --corpus ../shared/corpus

Pages whose text layer has tables that omnipipe understands are drawn and read by OCR as if they were scans. A cell is
right where some table of the picture has one with (nearly) its text, and (nearly) the same texts above, below, left and
right of it, empty cells left out. Counted for geometry alone, for the model alone, and for both as `omnipipe run` does.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pypdfium2
from rapidfuzz.distance import Levenshtein

from benchmarks import record
from omnipipe.evaluation.grid import Grid
from omnipipe.evaluation.html_grid import html_tables
from omnipipe.page import Block, Box, Line
from omnipipe.tasks.layout_extraction.apply import apply_regions
from omnipipe.tasks.layout_extraction.paper import cleaned
from omnipipe.tasks.layout_extraction.rapid_layout import RapidLayout
from omnipipe.tasks.ocr_extraction.rapidocr import RapidOCR
from omnipipe.tasks.table_extraction.page_tables import PageTables
from omnipipe.tasks.table_extraction.rapid_table import RapidTable, RapidTableConfig
from omnipipe.tasks.table_extraction.result import TableResult
from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions

Method = Literal["geometry", "model", "auto"]
METHODS: tuple[Method, ...] = ("geometry", "model", "auto")
_ALIKE = 0.8
"""Share of letters that two texts have in common to be taken for one: OCR errs."""
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Models(NamedTuple):
    """What reads a page, and its tables by each method."""

    ocr: RapidOCR
    layout: RapidLayout
    tables: dict[Method, RapidTable]


class Truth(NamedTuple):
    """A page: its file, its number from 0, and the tables of its text layer."""

    path: Path
    at: int
    tables: list[Grid]


@dataclass(slots=True)
class Count:
    """What one method made of the tables that the layout model found."""

    right: int = 0
    asked: int = 0
    failed: int = 0
    seconds: float = 0.0
    found: list[Grid] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--dpi", type=int, default=150)
    parser.add_argument("--pages", type=int, default=4, help="pages of one document at most")
    args = parser.parse_args()
    tables = {method: RapidTable(RapidTableConfig(method=method)) for method in METHODS}
    models = Models(RapidOCR(), RapidLayout(), tables)
    counts = {method: Count() for method in METHODS}
    num_cells = num_seen = num_pages = 0
    for truth in _pages(args.corpus, args.pages):
        is_seen = _read(truth, args.dpi, models, counts)
        cells = sum(len(_cells(table)) for table in truth.tables)
        num_pages, num_cells, num_seen = num_pages + 1, num_cells + cells, num_seen + cells * is_seen
        right = {
            method: sum(_num_right(table, count.found) for table in truth.tables) for method, count in counts.items()
        }
        for method, count in counts.items():
            count.right += right[method]
        print(f"{truth.path.name} page {truth.at + 1}: {cells} cells, right {right}", flush=True)
    figures: dict[str, object] = {"pages": num_pages, "cells": num_cells, "cells_on_pages_with_a_table_part": num_seen}
    for method, count in counts.items():
        seconds = count.seconds / max(1, count.asked)
        figures[method] = {
            "cells_right": count.right,
            "tables": count.asked,
            "not_understood": count.failed,
            "cpu_seconds_a_table": round(seconds, 3),
        }
        print(f"{method}: {count.right} of {num_seen} cells right, {count.failed} of {count.asked} tables refused")
    print(f"figures are in {record.save('table_pictures', figures)}")


def _pages(corpus: Path, most: int) -> Iterator[Truth]:
    for path in sorted([*corpus.glob("born_digital/*.pdf"), *corpus.glob("graded/**/*.pdf")]):
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError:
            continue
        found = 0
        for index in range(min(len(document), 40)):
            blocks = map(Block._make, read_text_layer(document[index], TextOptions()).blocks)
            tables = [table for block in blocks if block.html for table in html_tables(block.html)]
            if tables and found < most:
                found += 1
                yield Truth(path, index, tables)
        document.close()


def _read(truth: Truth, dpi: int, models: Models, counts: dict[Method, Count]) -> bool:
    """Whether the layout model found a table on the page; what each method makes of it goes into `counts`."""
    document = pypdfium2.PdfDocument(truth.path)
    page = document[truth.at]
    scale = min(dpi / 72, 3000 / max(page.get_size()))
    image = np.ascontiguousarray(page.render(scale=scale, grayscale=True).to_numpy().squeeze())
    document.close()
    ocr = models.ocr.extract(image)
    image = cleaned(np.ascontiguousarray(np.rot90(image, -ocr.rotation_applied // 90)))
    regions = models.layout.extract(image).blocks
    for method, count in counts.items():
        tables, before = PageTables(models.tables[method], image), count.asked

        def read(
            lines: Sequence[Line], box: Box, is_table: bool, tables: PageTables = tables, count: Count = count
        ) -> TableResult | None:
            count.asked += 1
            start = time.process_time()
            found = tables.read(lines, box, is_table)
            count.seconds += time.process_time() - start
            return found

        blocks = apply_regions(ocr.blocks, ocr.lines, regions, aspect=ocr.width / ocr.height, read_table=read)
        count.found = [table for block in blocks if block.html for table in html_tables(block.html)]
        count.failed += tables.num_failed
    return count.asked > before


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _alike(one: str, other: str) -> bool:
    return one == other or Levenshtein.normalized_similarity(one, other) >= _ALIKE


def _cells(table: Grid) -> list[tuple[str, tuple[str, ...]]]:
    """Text and neighbours of each cell that has a text; one that spans is there once for each place."""
    rows = [[_plain(text) for text in row] for row in table.rows]
    return [
        (text, tuple(_neighbour(rows, y, x, step) for step in _STEPS))
        for y, row in enumerate(rows)
        for x, text in enumerate(row)
        if text
    ]


def _neighbour(rows: Sequence[Sequence[str]], y: int, x: int, step: tuple[int, int]) -> str:
    """The next text that is another one, empty at the edge."""
    own = rows[y][x]
    while True:
        y, x = y + step[0], x + step[1]
        if not (0 <= y < len(rows) and 0 <= x < len(rows[y])):
            return ""
        if rows[y][x] and rows[y][x] != own:
            return rows[y][x]


def _num_right(truth: Grid, found: Sequence[Grid]) -> int:
    cells = [cell for table in found for cell in _cells(table)]
    return sum(
        any(_alike(text, other) and all(map(_alike, around, beside)) for other, beside in cells)
        for text, around in _cells(truth)
    )


if __name__ == "__main__":
    main()
