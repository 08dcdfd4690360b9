"""Fixtures that several test files need, and which files run beside each other."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# One thread: two OpenMP threads beside another busy process made the same OCR call ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long a case takes depends on what else the machine does: that is no finding.
settings.register_profile("omnipipe", deadline=None)
settings.load_profile("omnipipe")

ROOT = Path(__file__).resolve().parent.parent

# Clusters, engines in processes of their own, whole commands: they are timed, and look at what processes there are.
_ONE_AT_A_TIME = re.compile(
    r"tests/(engines/test_(vllm|api_server|pipelines|same_answer|plugin)|online/test_serve"
    r"|runners/test_(ray|cluster|job)|cli/test_guides|test_(readme|notebook|wheel|import_cost))"
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """With `pytest -n 2`: a worker for all that must not be beside its like, and files in turn for the other one."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "one at a time" if _ONE_AT_A_TIME.match(nodeid) else nodeid.partition("::")[0]

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the public document corpus, beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "corpus" / "manifest.jsonl").exists():
        pytest.skip("the document corpus (../shared/corpus) is not on this machine")
    return folder
