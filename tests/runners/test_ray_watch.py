"""What a run on Ray stands on is gone, or not there yet: the terminal says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ray_local import own_ray

pytestmark = pytest.mark.slow

_SESSION = """
import sys, time
from pathlib import Path
import psutil
from omnipipe.runners.ray_options import RayOptions
from omnipipe.runners.ray_session import RaySession
from omnipipe.runners.ray_watch import Terminal, tell_of_waiting
with RaySession(RayOptions(), Path(sys.argv[1]), for_batch=True):
"""
_KILLED = """
    for process in psutil.Process().children(recursive=True):
        if process.name() == "raylet":
            process.kill()
    time.sleep(60)
"""
_WAITING = """
    terminal = Terminal()
    tell_of_waiting(terminal, 1)
    tell_of_waiting(terminal, 10_000)
"""


def stderr_of(code: str, folder: Path) -> str:
    with own_ray():
        done = subprocess.run(
            [sys.executable, "-c", _SESSION + code, folder], capture_output=True, text=True, timeout=90
        )
    return done.stderr


def test_the_death_of_a_raylet_is_told_where_ray_ends_the_process_without_a_word(tmp_path: Path) -> None:
    said = stderr_of(_KILLED, tmp_path)

    assert said.startswith("omnipipe: the raylet of this machine is gone, and Ray ends this process.")
    assert said.endswith("What is committed stays valid, and the same command goes on.\n")


def test_a_ray_that_stops_in_order_is_no_death(tmp_path: Path) -> None:
    assert stderr_of("    time.sleep(1)", tmp_path) == ""


def test_a_cluster_without_room_for_a_worker_is_told(tmp_path: Path) -> None:
    # Within the session descriptor 2 is the log.
    stderr_of(_WAITING, tmp_path)

    said = (tmp_path / "logs" / "ray.log").read_text()
    assert said.count("omnipipe: ") == 1
    assert "and a worker needs 10000; the run waits for more nodes." in said
