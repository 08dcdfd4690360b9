"""The environment in which tests start Ray: loopback only, a folder of its own, nothing left in the home directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_SETTINGS = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}

# Ray reads this one when it is imported, which may be long before a test of ours runs.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


@contextmanager
def own_ray(settings: dict[str, str] | None = None) -> Iterator[None]:
    """Ray's variables for the length of a test or a module; a Ray that is still up at the end is shut down."""
    # Short: Ray keeps sockets below it, whose paths may have 107 bytes.
    folder = tempfile.mkdtemp(prefix="ray")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (_SETTINGS | {"RAY_TMPDIR": folder} | (settings or {})).items():
            patch.setenv(name, value)
        patch.delenv("RAY_ADDRESS", raising=False)
        try:
            yield
        finally:
            import ray

            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
