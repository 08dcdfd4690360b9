"""The notebook of the first run: it runs from top to bottom, and what is committed is what it gives."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "first_run.ipynb"


def load() -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def picture(notebook: nbformat.NotebookNode) -> Image.Image:
    """The only picture among the outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    [data] = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def printed(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")


@pytest.mark.filterwarnings("default")
def test_the_notebook_runs_and_shows_a_page_with_its_blocks() -> None:
    """Warnings of Jupyter's own libraries are not ours to answer for."""
    notebook = load()

    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": NOTEBOOK.parent}}
    ).execute()

    colours = {colour for _, colour in picture(notebook).convert("RGB").getcolors(1 << 16) or []}
    assert "unsupported" in printed(notebook)
    assert {(200, 30, 30), (30, 80, 200)} <= colours


def test_the_committed_outputs_are_small_and_those_of_this_notebook() -> None:
    notebook = load()

    assert NOTEBOOK.stat().st_size < 300_000
    assert picture(notebook).width > 400
    assert "columns.pdf" in printed(notebook)
    assert not re.search(r"/(tmp|home|root|work)/", printed(notebook))
