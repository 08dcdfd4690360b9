"""A document that is named twice with different columns of the user's: the first ones are kept, and that is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.pipeline import load_pipeline
from tests import pdfs


def warnings_of(folder: Path, rows: list[dict[str, object]], *more: Path) -> tuple[str, ...]:
    for name in "ab":
        (folder / f"{name}.pdf").write_bytes(
            pdfs.pdf_of_texts([f"This page of {name} says a few words that one reads."])
        )
    (folder / "list.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    out = folder / "out"
    summary = run(load_pipeline("text_layer"), [*more, folder / "list.jsonl"], out, RunOptions(runner="local"))
    assert summary.documents == 2
    again = run(load_pipeline("text_layer"), [*more, folder / "list.jsonl"], out, RunOptions(runner="local"))
    assert again.warnings == summary.warnings
    return summary.warnings


def test_a_later_row_with_other_columns_is_told(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"path": "a.pdf", "lot": 1},
        {"path": "b.pdf", "lot": 2},
        {"path": "a.pdf", "lot": 3},
        {"path": "a.pdf", "lot": 4},
    ]

    (warning,) = warnings_of(tmp_path, rows)

    assert warning == (
        f"2 rows of the inputs name a document that came before with other columns, such as {tmp_path}/a.pdf. The "
        "first one's are kept: name each document once."
    )


def test_columns_of_a_document_that_a_folder_gave_before_are_told(tmp_path: Path) -> None:
    (warning,) = warnings_of(tmp_path, [{"path": "a.pdf", "lot": 1}, {"path": "b.pdf"}], tmp_path)

    assert warning.startswith("1 row of the inputs names a document that came before with other columns")


@pytest.mark.parametrize(
    "again", [{"path": "a.pdf", "lot": 1, "box": 2}, {"path": "./a.pdf", "box": 2, "lot": 1}, {"path": "a.pdf"}]
)
def test_the_same_columns_again_are_nothing_to_tell(again: dict[str, object], tmp_path: Path) -> None:
    assert warnings_of(tmp_path, [{"path": "a.pdf", "lot": 1, "box": 2}, {"path": "b.pdf"}, again]) == ()
