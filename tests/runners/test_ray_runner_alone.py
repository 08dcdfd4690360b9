"""Runs in processes of their own: what a terminal sees, and what is left when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pdfs import pdf_of_texts
from tests.ray_local import own_ray
from tests.ray_stage import NUM_PAGES, SayName, job_in, rows_of

_SCRIPT = """
import sys
from pathlib import Path
from omnipipe.errors import OmnipipeError
from omnipipe.runners import ray_data
from tests.ray_stage import SayName, job_in, units_of

stage = SayName(seconds=float(sys.argv[2]), disk_full_at=6 if sys.argv[3:] == ["full"] else None)
try:
    ray_data.execute(job_in(Path(sys.argv[1]), stage), units_of(1), on_receipt=lambda r: print(r.unit_id, flush=True))
except OmnipipeError as error:
    sys.exit(f"omnipipe: {error}")
except KeyboardInterrupt:
    sys.exit("omnipipe: interrupted")
import ray
print("up" if ray.is_initialized() else "down")
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def left_running(session: int) -> list[str]:
    """The processes of a session that are there still after some seconds: a worker sees that its raylet has gone."""
    end = time.monotonic() + 5
    while (found := session_processes(session)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def session_processes(session: int) -> list[str]:
    listed = subprocess.run(["ps", "-o", "pid=,args=", "-s", str(session)], capture_output=True, text=True, check=False)
    # What is dead and waits for init to notice is not running.
    return [line for line in listed.stdout.splitlines() if not line.endswith("<defunct>")]


def test_a_terminal_sees_nothing_of_ray_and_nothing_is_left_running(tmp_path: Path) -> None:
    with own_ray():
        process = started(str(tmp_path), "0")
        said, complained = process.communicate(timeout=120)

    assert complained == ""
    assert process.returncode == 0
    assert said.splitlines()[-1] == "down"
    assert len(said.splitlines()) == NUM_PAGES + 1
    assert "dataset" in (tmp_path / "logs" / "ray.log").read_text()
    assert not left_running(process.pid)


@pytest.mark.slow
def test_an_error_is_one_line_without_a_word_of_ray(tmp_path: Path) -> None:
    with own_ray():
        process = started(str(tmp_path), "0", "full")
        _, complained = process.communicate(timeout=120)

    assert complained == "omnipipe: the disk is full\n"
    assert process.returncode == 1


@pytest.mark.slow
def test_a_ray_that_does_not_start_is_one_line_with_the_way_round_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The path of a socket has at most 107 bytes.
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(deep))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    process = started(str(tmp_path / "out"), "0")
    said, complained = process.communicate(timeout=120)

    assert said == ""
    assert process.returncode == 1
    assert complained.startswith("omnipipe: Ray did not start on this machine (")
    assert len(complained.splitlines()) == 1
    assert "the same command goes on; with --runner local" in complained
    assert not left_running(process.pid)


def test_ctrl_c_ends_the_run_and_what_is_committed_stays(tmp_path: Path) -> None:
    with own_ray():
        process = started(str(tmp_path), "0.3")
        assert process.stdout is not None
        first = process.stdout.readline().strip()
        interrupted = time.monotonic()
        # As a terminal does it: the whole foreground group gets the signal, Ray's processes included.
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=60)

    assert complained == "omnipipe: interrupted\n"
    assert time.monotonic() - interrupted < 15
    assert (tmp_path / "pages" / f"{first}.parquet").exists()
    assert 0 < rows_of(tmp_path).num_rows < NUM_PAGES
    assert not left_running(process.pid)
    assert job_in(tmp_path, SayName(seconds=0.3)).run_dir == tmp_path


def test_sigterm_ends_a_run_on_ray_as_ctrl_c_does(tmp_path: Path) -> None:
    folder, run = tmp_path / "docs", tmp_path / "run"
    folder.mkdir()
    for number in range(300):
        pages = [f"Document {number} page {page} with words." for page in range(40)]
        (folder / f"{number}.pdf").write_bytes(pdf_of_texts(pages))
    command = [sys.executable, "-m", "omnipipe.cli.main", "run", str(folder), "-o", str(run), "-p", "text_layer"]
    with own_ray():
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        deadline = time.monotonic() + 120
        while not list(run.glob("pages/*.parquet")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        # As `ray job stop` and `timeout` do it: the driver alone gets the signal.
        process.terminate()
        said = process.communicate(timeout=60)[1]

    assert process.returncode == 143, said
    assert "committed in" in said
    assert "Traceback" not in said
    assert not left_running(process.pid)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sessions and signals of POSIX")
