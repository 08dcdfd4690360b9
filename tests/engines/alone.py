"""Code that runs in a Python of its own: what it loads, limits or leaves behind is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_alone(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`code` in a process of its own, with `environment` added."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | environment,
    )
