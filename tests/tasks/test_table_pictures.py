"""Tables in pictures: words where their ink is, drawn lines, cells by geometry and by the model, what is no table."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from omnipipe.errors import MissingExtraError
from omnipipe.page import Block, Box, Line, Page, Pixels
from omnipipe.stages.layout import Layout
from omnipipe.tasks.layout_extraction.apply import apply_regions
from omnipipe.tasks.model_file import LAYOUT_CDLA, TABLE_SLANET
from omnipipe.tasks.table_extraction.ink import Word
from omnipipe.tasks.table_extraction.match import match
from omnipipe.tasks.table_extraction.page_tables import PageTables
from omnipipe.tasks.table_extraction.rapid_table import RapidTable, RapidTableConfig
from omnipipe.tasks.table_extraction.result import TableResult
from omnipipe.tasks.table_extraction.slanet import Slot, Structure, to_structure, tokens_of
from tests.context import NoContext

needs_table_model = pytest.mark.skipif(
    TABLE_SLANET.find() is None, reason="the model of tables is not here: omnipipe doctor --fetch-models"
)
needs_layout_model = pytest.mark.skipif(
    LAYOUT_CDLA.find() is None, reason="the layout model is not here: omnipipe doctor --fetch-models"
)
FRUIT = [
    ["Fruit", "Boxes", "Price", "Harvest"],
    ["Apple", "12", "3.50", "September"],
    ["Banana", "7", "0.25", "all year"],
    ["Cherry", "101", "9.75", "June"],
    ["Damson", "4", "1.50", "August"],
    ["Elder", "38", "2.10", "July"],
]
PIPES = "\n".join(f"| {' | '.join(row)} |" for row in [FRUIT[0], ["---"] * 4, *FRUIT[1:]]).replace(
    "| --- | ", "| --- | "
)
COLUMNS = (40, 200, 330, 460, 640)
TOP, PITCH = 40, 44
GEOMETRY = RapidTable(RapidTableConfig(method="geometry"))
Cells = list[list[str]]


class Drawing:
    """A picture on which text and lines are drawn, and the lines that OCR would find."""

    def __init__(self, width: int = 680, height: int = 340) -> None:
        self.image = Image.new("L", (width, height), 255)
        self.found: list[Line] = []
        self._draw = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(22)

    def write(self, x: float, y: float, text: str) -> Box:
        self._draw.text((x, y), text, fill=0, font=self._font)
        x0, y0, x1, y1 = self._draw.textbbox((x, y), text, font=self._font)
        return x0 - 3, y0 - 4, x1 + 3, y1 + 4

    def read(self, box: Box, text: str) -> None:
        width, height = self.image.size
        self.found.append(Line(text, (box[0] / width, box[1] / height, box[2] / width, box[3] / height), 0.99))

    def rule(self, *points: float) -> None:
        self._draw.line(points, fill=0, width=2)


def drawn(rows: Sequence[Sequence[str]], *, ruled: bool, joined: int | None = None) -> Drawing:
    """`rows` in cells; with `joined` OCR finds that column and the next as one line."""
    drawing = Drawing()
    for number, row in enumerate(rows):
        boxes = [drawing.write(x + 8, TOP + PITCH * number + 10, text) for x, text in zip(COLUMNS, row, strict=False)]
        column = 0
        while column < len(row):
            last = column + (column == joined)
            whole = (*boxes[column][:2], boxes[last][2], boxes[column][3])
            drawing.read(whole, "".join(row[column : last + 1]))
            column = last + 1
    if ruled:
        bottom = TOP + PITCH * len(rows)
        for number in range(len(rows) + 1):
            drawing.rule(COLUMNS[0], TOP + PITCH * number, COLUMNS[-1], TOP + PITCH * number)
        for x in COLUMNS:
            drawing.rule(x, TOP, x, bottom)
    return drawing


def cells(html: str) -> Cells:
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


@pytest.mark.parametrize("ruled", [True, False])
def test_a_table_is_read_cell_by_cell(ruled: bool) -> None:
    drawing = drawn(FRUIT, ruled=ruled)

    found = GEOMETRY.extract(drawing.image, drawing.found)

    assert found is not None
    assert (found.text, cells(found.html), found.source) == (PIPES, FRUIT, "geometry")


def test_a_line_over_two_cells_is_cut_at_the_line_drawn_between_them() -> None:
    drawing = drawn(FRUIT, ruled=True, joined=1)

    found = GEOMETRY.extract(drawing.image, drawing.found)

    assert "123.50" in [line.text for line in drawing.found]
    assert found is not None
    assert cells(found.html) == FRUIT


def test_cells_that_span_columns_are_html() -> None:
    drawing = drawn(FRUIT[1:], ruled=True)
    box = drawing.write(COLUMNS[1] + 60, 8, "What there is of each")
    drawing.read(box, "What there is of each")
    drawing.rule(COLUMNS[0], 4, COLUMNS[-1], 4)
    for x in (COLUMNS[0], COLUMNS[1], COLUMNS[-1]):
        drawing.rule(x, 4, x, TOP)

    found = GEOMETRY.extract(drawing.image, drawing.found)

    assert found is not None
    assert found.text == found.html
    assert 'colspan="3">What there is of each<' in found.html


def test_a_note_below_the_grid_is_no_cell_of_it() -> None:
    drawing = drawn(FRUIT, ruled=True)
    note = "Prices are those of the market on the first day of the month"
    drawing.read(drawing.write(COLUMNS[0], 308, note), note)

    found = GEOMETRY.extract(drawing.image, drawing.found)

    assert found is not None
    assert (cells(found.html), found.outside) == (FRUIT, (len(drawing.found) - 1,))


def test_lines_without_a_box_are_kept_outside() -> None:
    drawing = drawn(FRUIT, ruled=True)
    lost = Line("lost", (2.0, 2.0, 3.0, 3.0))

    found = GEOMETRY.extract(drawing.image, [lost, *drawing.found])

    assert found is not None
    assert (cells(found.html), found.outside) == (FRUIT, (0,))


def test_what_is_outside_of_a_table_stays_text() -> None:
    lines = [
        Line(text, (0.1, y, 0.5, y + 0.02)) for text, y in (("Head", 0.1), ("1 2", 0.2), ("3 4", 0.23), ("Note", 0.3))
    ]
    lines += [Line(text, (0.6, y, 0.7, y + 0.02)) for text, y in (("5", 0.2), ("6", 0.23))]
    blocks = [Block("text", line.bbox, 0, None, line.text, None, 0.9, "rapidocr") for line in lines]
    region = Block("table", (0.1, 0.1, 0.9, 0.33), 0, None, "", None, 0.9, "rapid_layout")

    found = apply_regions(
        blocks,
        lines,
        [region],
        aspect=0.7,
        read_table=lambda lines, box, _: TableResult("|", "<table>", (0, 3), "test"),
    )

    assert [(block.type, block.text, block.html) for block in found] == [
        ("text", "Head", None),
        ("table", "|", "<table>"),
        ("text", "Note", None),
    ]


@pytest.mark.parametrize("ruled", [True, False])
def test_a_table_that_the_model_takes_for_a_figure_is_one(ruled: bool) -> None:
    drawing = drawn(FRUIT, ruled=ruled)
    blocks = [Block("text", line.bbox, 0, None, line.text, None, 0.9, "rapidocr") for line in drawing.found]
    region = Block("figure", (0.02, 0.05, 0.98, 0.95), 0, None, "", None, 0.9, "rapid_layout")
    tables = PageTables(GEOMETRY, np.asarray(drawing.image))

    found = apply_regions(blocks, drawing.found, [region], aspect=2.0, read_table=tables.read)

    assert [(block.type, block.text) for block in found] == [("table", PIPES)]


def rows_as_paragraphs(drawing: Drawing) -> list[Block]:
    """Each row of cells a block of its own, as geometry leaves them."""
    by_row: dict[int, list[Line]] = {}
    for line in drawing.found:
        by_row.setdefault(round(line.bbox[1] * drawing.image.height / PITCH), []).append(line)
    made = []
    for own in by_row.values():
        box = (own[0].bbox[0], own[0].bbox[1], own[-1].bbox[2], own[-1].bbox[3])
        made.append(Block("text", box, 0, None, " ".join(line.text for line in own), None, 0.99, "rapidocr"))
    return made


def test_rows_of_cells_that_the_model_did_not_see_are_a_table() -> None:
    drawing = drawn(FRUIT, ruled=False)
    tables = PageTables(GEOMETRY, np.asarray(drawing.image))

    found = apply_regions(rows_as_paragraphs(drawing), drawing.found, [], aspect=2.0, read_table=tables.read)

    assert [(block.type, block.text) for block in found] == [("table", PIPES)]
    assert tables.num_failed == 0


def test_columns_of_text_side_by_side_are_no_table() -> None:
    drawing = drawn(FRUIT, ruled=False)
    tables = PageTables(GEOMETRY, np.asarray(drawing.image))
    by_column = [drawing.found[start::4] for start in range(4)]
    blocks = [
        Block("text", own[0].bbox, 0, None, " ".join(line.text for line in own), None, 0.99, "rapidocr")
        for own in by_column
    ]
    lines = [line for own in by_column for line in own]

    found = apply_regions(blocks, lines, [], aspect=2.0, read_table=tables.read)

    assert [block.type for block in found] == ["text"] * 4


def test_a_figure_with_labels_stays_one() -> None:
    places = [(0.1, 0.2), (0.55, 0.21), (0.3, 0.4), (0.7, 0.4), (0.15, 0.6), (0.45, 0.61), (0.8, 0.6), (0.2, 0.8)]
    lines = [Line(f"label {at}", (x, y, x + 0.12, y + 0.03)) for at, (x, y) in enumerate(places)]
    blocks = [Block("text", line.bbox, 0, None, line.text, None, 0.9, "rapidocr") for line in lines]
    region = Block("figure", (0.05, 0.1, 0.95, 0.9), 0, None, "", None, 0.9, "rapid_layout")
    tables = PageTables(GEOMETRY, np.full((1000, 1000), 255, np.uint8))

    [figure] = apply_regions(blocks, lines, [region], aspect=1.0, read_table=tables.read)

    assert (figure.type, figure.html, tables.num_failed) == ("figure", None, 0)


def test_running_text_is_no_table() -> None:
    drawing = Drawing()
    for number, text in enumerate(
        ["The quick brown fox jumps over", "the lazy dog while the sun goes", "down behind it"]
    ):
        drawing.read(drawing.write(40, 40 + 30 * number, text), text)

    assert GEOMETRY.extract(drawing.image, drawing.found) is None


@pytest.mark.parametrize(
    "boxes",
    [
        [],
        [(math.nan, 0.1, 0.2, math.nan)],
        [(-4.0, -4.0, 9.0, 9.0)] * 50,
        [(0.5, 0.5, 0.5, 0.5)],
        [(0.9, 0.9, 0.1, 0.1)],
        [(0.1, 0.1, 0.2, 0.2)] * 5000,
    ],
)
def test_boxes_that_are_none_make_no_table(boxes: Sequence[Box]) -> None:
    drawing = drawn(FRUIT, ruled=True)

    assert GEOMETRY.extract(drawing.image, [Line("x 1", box) for box in boxes]) is None


def test_the_models_tokens_become_a_grid() -> None:
    tokens = tokens_of(["<thead>", "<tr>", "<td>", "</td>", "</tr>", "</thead>", "<td", ' colspan="2"', ">"])
    said = ["<thead>", "<tr>", "<td", ' colspan="2"', ">", "</td>", "</tr>", "</thead>"]
    said += ["<tr>", "<td></td>", "<td></td>", "</tr>"]
    boxes = np.arange(4 * (len(said) + 2), dtype=np.float32).reshape(-1, 4) / np.float32(100)
    chances = np.full((len(said) + 2, len(tokens)), 0.01, np.float32)
    for step, token in enumerate([*said, None]):
        chances[step, tokens.index(token) if token else len(tokens) - 1] = 0.9

    whole = to_structure(boxes, chances, tokens, 100, 100)
    cut = to_structure(boxes[: len(said) - 2], chances[: len(said) - 2], tokens, 100, 100)

    assert [slot[:4] for slot in whole.slots] == [(0, 0, 1, 2), (1, 0, 1, 1), (1, 1, 1, 1)]
    assert (whole.num_rows, whole.num_columns, whole.heads, whole.is_whole) == (2, 2, 1, True)
    assert whole.slots[0].box == pytest.approx((8, 9, 10, 11))
    assert not cut.is_whole


def test_words_go_into_the_cell_that_holds_them_or_is_nearest() -> None:
    slots = (Slot(0, 0, 1, 1, (0, 10, 50, 30)), Slot(0, 1, 1, 1, (60, 10, 110, 30)))
    structure = Structure(slots, 1, 2, 0, 1.0, True)
    lines = [
        [Word("caption", (2, 0, 20, 8))],
        [Word("one", (2, 12, 20, 22)), Word("cell", (24, 12, 44, 22))],
        [Word("far", (130, 14, 140, 24))],
    ]

    found = match(structure, lines)

    assert [cell.text for cell in found.cells] == ["one cell", "far"]
    assert found.inside == pytest.approx(2 / 3)
    assert (found.outside, found.level) == ((0,), 1.0)


@needs_table_model
def test_the_model_reads_a_table_too() -> None:
    drawing = drawn(FRUIT, ruled=False)
    table = RapidTable(RapidTableConfig(method="model"))

    found = table.extract(drawing.image, drawing.found)

    assert found is not None
    assert (cells(found.html), found.source) == (FRUIT, TABLE_SLANET.name)


def test_without_the_model_it_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))
    drawing = drawn(FRUIT, ruled=False)

    with pytest.raises(MissingExtraError, match=r"rapid-table==0\.1\.3.*doctor --fetch-models"):
        RapidTable(RapidTableConfig(method="model")).extract(drawing.image, drawing.found)


def test_a_table_that_is_not_understood_keeps_its_text() -> None:
    texts = [["Some words of prose that go on", "x"], ["and others that follow them", "y"], ["a third", "z"]]
    lines = [
        Line(text, (0.1 + 0.5 * column, 0.3 + 0.02 * row, 0.1 + 0.5 * column + 0.01 * len(text), 0.315 + 0.02 * row))
        for row, own in enumerate(texts)
        for column, text in enumerate(own)
    ]
    blocks = [Block("text", line.bbox, 0, None, line.text, None, 0.9, "rapidocr") for line in lines]
    region = Block("table", (0.1, 0.29, 0.9, 0.37), 0, None, "", None, 0.9, "rapid_layout")
    tables = PageTables(RapidTable(RapidTableConfig(method="geometry")), np.full((1000, 800), 255, np.uint8))

    [table] = apply_regions(blocks, lines, [region], aspect=0.7, read_table=tables.read)

    assert (table.type, table.html, tables.num_failed) == ("table", None, 1)
    assert table.text.split("\n") == [" ".join(row) for row in texts]


@needs_layout_model
def test_a_page_has_its_table_in_its_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the layout model alone: the model of tables is for what geometry does not understand."""
    layout = LAYOUT_CDLA.checked()
    shutil.copy(layout, tmp_path / LAYOUT_CDLA.file_name)
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))
    drawing = drawn(FRUIT, ruled=True)
    sheet = Image.new("L", (1240, 1754), 255)
    sheet.paste(drawing.image, (280, 300))
    lines = tuple(_on_sheet(line, drawing.image.size) for line in drawing.found)
    blocks = tuple(
        Block("text", line.bbox, number, None, line.text, None, 0.99, "rapidocr") for number, line in enumerate(lines)
    )
    page = Page(doc_id="d", uri="d.png", index=0, count=1, status="ok", route="ocr", text="", blocks=blocks)
    picture = Pixels(sheet.tobytes(), "raw", "L", *sheet.size)
    stage = Layout()
    stage.open(NoContext())

    [read] = stage.process([page.with_(lines=lines, image=picture, image_width=1240, image_height=1754)])

    assert read.flags == ()
    assert [(block.type, cells(block.html or "")) for block in read.blocks if block.type == "table"] == [
        ("table", FRUIT)
    ]
    assert PIPES in (read.text or "")


def _on_sheet(line: Line, size: tuple[int, int]) -> Line:
    x0, y0, x1, y1 = line.bbox
    width, height = size
    box = ((280 + x0 * width) / 1240, (300 + y0 * height) / 1754, (280 + x1 * width) / 1240, (300 + y1 * height) / 1754)
    return line._replace(bbox=box)
