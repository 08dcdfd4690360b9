"""What a run says about itself, on captured streams and with a clock of the test's own."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omnipipe.progress import Progress, Tally, counted, duration
from omnipipe.unit import Receipt


@dataclass
class Clock:
    """Time that passes when the test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A captured stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Ended:
    """The end of a run, as `finish` wants it."""

    run_dir: Path = Path("out")
    documents: int = 3
    pages_in: int = 200
    statuses: dict[str, int] = field(default_factory=lambda: {"ok": 190, "failed": 10})
    routes: dict[str, int] = field(default_factory=lambda: {"text_layer": 150, "ocr": 40, "none": 10})
    error_codes: dict[str, int] = field(default_factory=lambda: {"corrupt": 10})
    pages_this_run: int = 100
    seconds: float = 50.0
    warnings: tuple[str, ...] = ("pypdfium2 was 5.14 when this run began, and is 5.15 now",)


def receipt(
    pages: int = 50,
    *,
    seconds: float = 5.0,
    failed: int = 0,
    worker: str = "a:1",
    stages: dict[str, float] | None = None,
) -> Receipt:
    return Receipt(
        unit_id="u",
        num_pages=pages,
        statuses={"ok": pages - failed, "failed": failed},
        routes={"text_layer": pages - failed, "none": failed},
        error_codes={"corrupt": failed} if failed else {},
        seconds=seconds,
        stage_seconds=stages or {"TextLayer": seconds * 0.6, "OCR": seconds * 0.3},
        worker=worker,
    )


def test_a_terminal_gets_one_live_line() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress("auto", terminal, clock=clock)

    progress.start(total=100, done=0)
    progress.indexed(2, 100, complete=True)
    clock.now += 5
    progress.receipt(receipt(50))
    progress.stop()

    shown = terminal.getvalue()
    assert shown.count("\n") == 1
    assert "50 of 100 pages (50%)" in shown.rsplit("\r", 1)[1]


def test_a_pipe_gets_plain_lines_every_ten_seconds() -> None:
    pipe, clock = io.StringIO(), Clock()
    progress = Progress("auto", pipe, clock=clock)
    progress.start(total=1000, done=0)

    for _ in range(60):
        clock.now += 0.5
        progress.receipt(receipt(5, seconds=0.5))

    assert len(pipe.getvalue().splitlines()) == 3
    assert "\r" not in pipe.getvalue()
    assert "\x1b" not in pipe.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_the_last_line_is_said_once(stream: io.StringIO) -> None:
    """Before, a run told twice how far it had come: at the end of its work, and before its summary."""
    progress = Progress("auto", stream)
    progress.start(total=1000, done=0)
    progress.receipt(receipt(5))

    progress.stop()
    progress.finish(Ended())

    assert stream.getvalue().count("5 of at least 1,000 pages") == 1


def test_the_total_is_at_least_so_many_until_the_index_is_complete() -> None:
    tally = Tally(total=500)

    before = tally.sentence(1.0)
    tally.is_complete = True

    assert "of at least 500 pages" in before
    assert "of 500 pages (0%)" in tally.sentence(1.0)


def test_a_resumed_run_counts_its_rate_from_itself_and_its_end_from_the_true_state() -> None:
    tally = Tally(total=10_000, done_before=9_000, started=0.0)
    tally.is_complete = True

    tally.add(receipt(500, seconds=10.0), now=10.0)

    assert tally.rate(10.0) == pytest.approx(50.0)
    assert tally.seconds_left(10.0) == pytest.approx(10.0)
    assert tally.sentence(10.0).startswith("9,500 of 10,000 pages (95%)")


def test_no_end_is_foretold_while_documents_are_still_indexed() -> None:
    tally = Tally(total=10_000, started=0.0)

    tally.add(receipt(500, seconds=10.0), now=10.0)

    assert tally.seconds_left(10.0) is None


def test_pages_computed_anew_do_not_count_beyond_the_total() -> None:
    tally = Tally(total=100, done_before=100)

    tally.add(receipt(40), now=10.0)

    assert tally.done == 100


def test_the_stage_that_takes_most_time_is_named() -> None:
    tally = Tally(total=100, started=0.0)
    tally.is_complete = True

    tally.add(receipt(50, seconds=10.0, stages={"TextLayer": 0.5, "OCR": 9.4}), now=10.0)

    assert tally.bottleneck(10.0) == "OCR takes 94% of worker time"


def test_workers_that_wait_for_the_index_are_told() -> None:
    tally = Tally(total=110, started=0.0)

    for worker in ("a:1", "a:2"):
        tally.add(receipt(50, seconds=2.0, worker=worker), now=2.0)

    assert tally.bottleneck(10.0) == "indexing is the bottleneck (workers wait 80% of the time)"


def test_failures_and_routes_are_in_the_line() -> None:
    tally = Tally(total=100, started=0.0)

    tally.add(receipt(50, failed=5), now=5.0)

    assert "text_layer 90%, none 10%" in tally.sentence(5.0)
    assert "5 failed" in tally.sentence(5.0)


def test_json_lines_are_objects_with_numbers() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress("json", stream, clock=clock)

    progress.start(total=100, done=20)
    clock.now += 11
    progress.receipt(receipt(50, failed=2))
    progress.finish(Ended())

    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["start", "progress", "progress", "summary"]
    assert events[1]["done"] == 70
    assert events[1]["statuses"] == {"ok": 48, "failed": 2}
    assert events[-1]["error_codes"] == {"corrupt": 10}


def test_quiet_says_nothing() -> None:
    stream = Terminal()
    progress = Progress("quiet", stream)

    progress.start(total=100, done=10)
    progress.receipt(receipt())
    progress.finish(Ended())

    assert stream.getvalue() == ""


def test_the_end_says_what_there_is_and_how_to_go_on() -> None:
    stream = io.StringIO()

    Progress("plain", stream).finish(Ended())

    shown = stream.getvalue()
    assert "200 pages of 3 documents in out" in shown
    assert "ok 190, failed 10" in shown
    assert "corrupt 10" in shown
    assert "100 pages in 50 s, 2.0 pages/s" in shown
    assert "warning: pypdfium2 was 5.14" in shown
    assert "omnipipe verify out" in shown
    assert "--retry failed" in shown


def test_a_run_with_nothing_to_do_says_so() -> None:
    stream = io.StringIO()

    Progress("plain", stream).finish(Ended(pages_this_run=0, seconds=1.2, statuses={"ok": 200}))

    assert "nothing was missing (1.2 s)" in stream.getvalue()
    assert "--retry" not in stream.getvalue()


def test_a_reader_that_went_away_does_not_end_the_run() -> None:
    readable, writable = os.pipe()
    os.close(readable)
    with io.TextIOWrapper(io.FileIO(writable, "w"), write_through=True) as stream:
        progress = Progress("plain", stream)

        progress.start(total=100, done=10)
        progress.receipt(receipt())
        progress.finish(Ended())


def test_threads_count_together() -> None:
    progress = Progress("json", stream := io.StringIO())
    progress.start(total=4000, done=0)

    def count() -> None:
        for _ in range(500):
            progress.receipt(receipt(1))

    threads = [threading.Thread(target=count) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress.stop()

    assert json.loads(stream.getvalue().splitlines()[-1])["done"] == 2000


def test_a_descriptor_that_points_elsewhere_does_not_take_progress_along(tmp_path: Path) -> None:
    """Ray's words are kept in a file by replacing file descriptor 2 while the run goes on."""
    script = (
        "import os, sys\n"
        "from omnipipe.progress import Progress\n"
        "progress = Progress('plain')\n"
        "os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 2)\n"
        "progress.start(total=5, done=3)\n"
        "print('noise', file=sys.stderr)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "log")], capture_output=True, text=True, check=True, timeout=60
    )

    assert ended.stderr == "3 pages are committed already; the run goes on from there.\n"
    assert (tmp_path / "log").read_text() == "noise\n"


def test_a_long_line_is_cut_to_the_terminal() -> None:
    """A wrapped line cannot be taken back, and each one would leave a row behind."""
    script = (
        "from omnipipe.progress import Progress\n"
        "from tests.test_progress import receipt\n"
        "progress = Progress('auto')\n"
        "progress.start(total=100000, done=0)\n"
        "progress.receipt(receipt(50, failed=5))\n"
        "progress.stop()\n"
    )
    ours, theirs = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    subprocess.run([sys.executable, "-c", script], stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while chunk := terminal.read(4096):
                shown += chunk
        except OSError:
            pass

    line = re.split(r"\r\x1b\[2K", shown.decode())[-1].strip()
    assert 20 < len(line) < 40
    assert line.endswith("…")


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.21, "4.2 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_have_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("number", "said"), [(0, "0 pages"), (1, "1 page"), (2000, "2,000 pages")])
def test_one_page_is_no_pages(number: int, said: str) -> None:
    assert counted(number, "page") == said
