"""Runs from several threads of one process, as from a notebook."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omnipipe.batch import run
from tests.pdfs import pdf_of_texts
from tests.ray_local import own_ray

# Ray warns of its own deprecations and of small datasets, from threads of its own.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(r"ignore::Warning:ray\.")]


def test_two_runs_at_once_in_one_process_both_finish(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf_of_texts(["A page that is read twice at once.\nIt has two lines."] * 3))

    with own_ray(), ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(run, "text_layer", tmp_path / "a.pdf", tmp_path / name) for name in ("one", "two")]
        statuses = [each.result().statuses for each in runs]

    assert statuses == [{"ok": 3}, {"ok": 3}]
