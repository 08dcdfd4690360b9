"""Fixtures that several test files need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread: two OpenMP threads beside another busy process made the same OCR call ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the public document corpus, beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "corpus" / "manifest.jsonl").exists():
        pytest.skip("the document corpus (../shared/corpus) is not on this machine")
    return folder
