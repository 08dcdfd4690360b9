"""A run directory that a group shares: what one of it began, another goes on with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.ledger.ledger import Ledger
from omnipipe.model import Completion
from omnipipe.pipeline import load_pipeline
from tests.ledgerkit import index, record


@pytest.fixture
def shared() -> Iterator[None]:
    before = os.umask(0o002)
    yield
    os.umask(before)


@pytest.mark.usefixtures("shared")
def test_the_group_may_write_what_a_run_leaves_behind(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with Ledger.open(folder, load_pipeline("text_layer")) as ledger:
        (unit,) = index(ledger, [record("a", 3)])
        store = ledger.store
        store.plan_attempt(unit, "worker")
        store.spool(unit).keep("key", Completion(text="said", finish_reason="stop"))
        files = [path for path in folder.rglob("*") if not path.stat().st_mode & stat.S_IWGRP]

    assert files == []
    assert {"lock", unit.id} <= {path.stem for path in folder.rglob("*")}
