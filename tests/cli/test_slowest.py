"""`omnipipe verify --slowest`: which pages took longest, and what explains it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.cli.main import run_command
from omnipipe.cli.slowest import SlowPage
from omnipipe.pipeline import load_pipeline
from tests.pdfs import pdf_of_texts


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run of three pages of text; the second took seven seconds to read and three to draw."""
    (tmp_path / "letter.pdf").write_bytes(pdf_of_texts(["A page with a few words that anybody can read."] * 3))
    out = tmp_path / "out"
    run(load_pipeline("text_layer"), tmp_path / "letter.pdf", out, RunOptions(runner="local"))
    (file,) = (out / "pages").glob("*.parquet")
    table = pq.read_table(file)
    for name, value in {"read_ms": 7000.0, "render_ms": 3000.0, "image_width": 4200, "image_height": 6000}.items():
        values = [value if index == 1 else old for index, old in enumerate(table[name].to_pylist())]
        at = table.schema.get_field_index(name)
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.array(values, field.type))
    pq.write_table(table, file)
    return out


def test_the_slowest_page_is_named_with_its_steps_pixels_and_words(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(["verify", str(run_dir), "--slowest", "1"])

    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("10.0 s  ")
    assert line.endswith("letter.pdf page 2, text_layer (read 7.0, render 3.0), 4,200 x 6,000 px, 10 words")


def test_pages_come_in_the_order_of_their_time(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(["verify", str(run_dir), "--slowest", "9", "--json"])

    slowest = json.loads(capsys.readouterr().out)["slowest"]
    seconds = [page["seconds"] for page in slowest]
    assert (len(slowest), slowest[0]["page_number"]) == (3, 2)
    assert seconds == sorted(seconds, reverse=True)


def test_a_page_is_one_line_whatever_its_documents_name() -> None:
    """Before, a name could hold what moves the cursor of the terminal."""
    page = SlowPage(1.0, "/in/a\n\x1b[2Jb.pdf", 1, "ocr", {}, None, None, None)

    assert str(page).startswith(r"1.0 s  /in/a\n\x1b[2Jb.pdf page 1")
