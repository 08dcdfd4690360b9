"""A run directory with a damaged file: what is said, and that the remedy it names helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.errors import OmnipipeError
from omnipipe.ledger.verify import verify_run
from tests.pdfs import pdf_of_texts
from tests.rows import result_rows


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def spoil_a_header(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 20 + content[24:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("folder", ["plan", "sources", "pages", "documents"])
@pytest.mark.parametrize("damage", [tear, spoil_a_header, empty])
def test_the_remedy_for_a_damaged_file_helps(tmp_path: Path, folder: str, damage: Callable[[Path], None]) -> None:
    inputs, output = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    for number in range(3):
        (inputs / f"{number}.pdf").write_bytes(pdf_of_texts([f"Document {number} has this page.", "And another one."]))
    _run(inputs, output)
    before = result_rows(output)
    damaged = next((output / folder).iterdir())
    damage(damaged)

    (problem,) = [problem for problem in verify_run(output).problems if "is damaged" in problem]
    assert re.search(rf"\b{folder}/{damaged.name} is damaged: .*[^.]\. Remove it and repeat the omnipipe run", problem)
    if damage is empty and folder != "documents":
        with pytest.raises(
            OmnipipeError, match=rf"{damaged} is damaged: .*[^.]\. Remove it and repeat the omnipipe run"
        ):
            _run(inputs, output)
    damaged.unlink()
    _run(inputs, output)

    assert not verify_run(output).problems
    assert result_rows(output) == before


def _run(inputs: Path, output: Path) -> None:
    run("text_layer", inputs, output, RunOptions(runner="local"))
