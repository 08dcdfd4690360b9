"""What a run says while it works: a live line on a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol, TextIO

from omnipipe.sources.bounded import longest_wait
from omnipipe.unit import ENGINE_START, Receipt

Mode = Literal["auto", "bar", "plain", "json", "quiet"]

_LIVE_SECONDS = 0.2
_PLAIN_SECONDS = 10.0

# Below this share of the workers' time, waiting for the index is what a run does most.
_STARVED_SHARE = 0.6


class _Stream(Protocol):
    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Summary(Protocol):
    """What the end of a run tells; `omnipipe.batch.RunSummary` is one."""

    @property
    def run_dir(self) -> Path: ...
    @property
    def documents(self) -> int: ...
    @property
    def pages_in(self) -> int: ...
    @property
    def statuses(self) -> Mapping[str, int]: ...
    @property
    def routes(self) -> Mapping[str, int]: ...
    @property
    def error_codes(self) -> Mapping[str, int]: ...
    @property
    def pages_this_run(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


class Progress:
    """Counts receipts and tells how far a run is. May be called from several threads.

    Mode `auto` is `bar` on a terminal and `plain` elsewhere; `json` writes one object a line, with an `event` of
    `start`, `progress` or `summary`. The stream is standard error if None, and keeps its place when a runner points
    file descriptor 2 elsewhere; JSON goes to standard output. `clock` gives seconds. What is
    waited for longer than `long_wait` seconds is named.
    """

    def __init__(
        self,
        mode: Mode = "auto",
        stream: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        long_wait: float = 10.0,
    ) -> None:
        chosen = stream or (sys.stdout if mode == "json" else sys.stderr)
        self._mode = ("bar" if chosen.isatty() else "plain") if mode == "auto" else mode
        self._stream: _Stream = chosen if stream is not None or mode == "quiet" else _kept(chosen)
        self._clock = clock
        self._long_wait = long_wait
        self._lock = threading.RLock()
        self._tally = Tally()
        self._said_at = float("-inf")
        self._has_line = False
        self._has_stopped = False
        self._is_over = threading.Event()

    @property
    def is_for_people(self) -> bool:
        """Whether it is in words: `finish` tells the warnings then."""
        return self._mode in ("bar", "plain")

    def start(self, *, total: int, done: int) -> None:
        """A run begins in which `done` of `total` pages are committed already."""
        with self._lock:
            self._tally = Tally(total=total, done_before=done, started=self._clock())
            self._said_at = self._clock()
            self._has_stopped = False
            if self._mode == "json":
                self._say_json("start", {"total": total, "done": done})
            elif done and self.is_for_people:
                are = "is" if done == 1 else "are"
                self._say(f"{counted(done, 'page')} {are} committed already; the run goes on from there.")
        self._is_over.set()
        self._is_over = threading.Event()
        if self._mode != "quiet":
            threading.Thread(target=self._watch, args=[self._is_over], name="omnipipe-progress", daemon=True).start()

    def indexed(self, documents: int, pages: int, complete: bool) -> None:
        """So many documents are indexed, with so many pages in all; `complete` if no more will follow."""
        with self._lock:
            self._tally.documents, self._tally.total, self._tally.is_complete = documents, pages, complete
            self._tick()

    def receipt(self, receipt: Receipt) -> None:
        """A unit is committed."""
        with self._lock:
            self._tally.add(receipt, self._clock())
            loaded = receipt.stage_seconds.get(ENGINE_START)
            if loaded is not None and self.is_for_people:
                cleared = "\r\x1b[2K" if self._has_line else ""
                self._say(f"{cleared}an engine was loaded in {duration(loaded)}")
            self._tick()

    def stop(self) -> None:
        """No more live line: what follows on the terminal starts on a line of its own."""
        self._is_over.set()
        with self._lock:
            if self._mode != "quiet" and self._tally.num_units and not self._has_stopped:
                self._tick(at_once=True)
            self._has_stopped = True
            if self._has_line:
                self._write("\n")
                self._has_line = False

    def finish(self, summary: Summary) -> None:
        """Tell what the run directory holds now, and what to do with it."""
        with self._lock:
            self.stop()
            if self._mode == "json":
                self._say_json("summary", _plain_summary(summary))
            elif self.is_for_people:
                for line in summary_lines(summary):
                    self._say(line)

    def _watch(self, is_over: threading.Event) -> None:
        """Say what is waited for also where nothing else happens."""
        while not is_over.wait(self._long_wait / 10):
            with self._lock:
                if not is_over.is_set() and _find_long_wait(self._long_wait) is not None:
                    self._tick()

    def _tick(self, *, at_once: bool = False) -> None:
        if self._mode == "quiet":
            return
        now = self._clock()
        if not at_once and now - self._said_at < (_LIVE_SECONDS if self._mode == "bar" else _PLAIN_SECONDS):
            return
        self._said_at = now
        self._tally.waits_for = _find_long_wait(self._long_wait)
        if self._mode == "json":
            self._say_json("progress", self._tally.to_plain(now))
        elif self._mode == "plain":
            self._say(self._tally.sentence(now))
        else:
            self._write(f"\r\x1b[2K{_clip(self._tally.sentence(now))}")
            self._has_line = True

    def _say(self, line: str) -> None:
        self._write(f"{line}\n")

    def _say_json(self, event: str, values: Mapping[str, object]) -> None:
        self._say(json.dumps({"event": event, **values}))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # A reader of the pipe that went away must not cost the run.
            self._mode = "quiet"


class Tally:
    """What is known of a run at a moment. Seconds are those of the clock that the times come from."""

    def __init__(self, *, total: int = 0, done_before: int = 0, started: float = 0.0) -> None:
        self.total = total
        self.documents = 0
        self.is_complete = False
        self.done_before = done_before
        self.started = started
        self.first_at: float | None = None
        self.num_units = 0
        self.pages = 0
        self.statuses: Counter[str] = Counter()
        self.routes: Counter[str] = Counter()
        self.error_codes: Counter[str] = Counter()
        self.stage_seconds: Counter[str] = Counter()
        self.start_seconds = 0.0
        self.workers: dict[str, float] = {}
        self.waits_for: str | None = None

    def add(self, receipt: Receipt, now: float) -> None:
        """Count a unit that was committed by `now`."""
        if self.first_at is None:
            # Counted from the first unit's own start, or a slow first unit would look like a fast one.
            self.first_at = max(self.started, now - receipt.seconds)
        self.num_units += 1
        self.pages += receipt.num_pages - receipt.num_open
        self.statuses.update(receipt.statuses)
        self.routes.update(receipt.routes)
        self.error_codes.update(receipt.error_codes)
        self.stage_seconds.update(receipt.stage_seconds)
        self.start_seconds += self.stage_seconds.pop(ENGINE_START, 0.0)
        self.workers[receipt.worker] = self.workers.get(receipt.worker, 0.0) + receipt.seconds

    @property
    def done(self) -> int:
        """Pages committed, earlier runs included."""
        # Pages that are computed anew (--retry) were counted before.
        return min(self.done_before + self.pages, max(self.total, self.done_before))

    def rate(self, now: float) -> float | None:
        """Pages a second of this run, from its first unit on; None before there is one."""
        if self.first_at is None or now <= self.first_at:
            return None
        return self.pages / (now - self.first_at)

    def seconds_left(self, now: float) -> float | None:
        """Seconds to the end at this run's rate; None while the index is not complete."""
        rate = self.rate(now)
        return max(0, self.total - self.done) / rate if rate and self.is_complete else None

    def bottleneck(self, now: float) -> str | None:
        """What to speed up, in words; None while nothing can be said."""
        busy = sum(self.workers.values())
        if self.first_at is None or not busy:
            return None
        available = (now - self.first_at) * len(self.workers)
        if not self.is_complete and busy < _STARVED_SHARE * available and self.total - self.done < self.pages:
            return f"indexing is the bottleneck (workers wait {1 - busy / available:.0%} of the time)"
        if not self.stage_seconds:
            return None
        stage, seconds = self.stage_seconds.most_common(1)[0]
        return f"{_stage_name(stage)} takes {seconds / max(busy, sum(self.stage_seconds.values())):.0%} of worker time"

    def sentence(self, now: float) -> str:
        """One line for people."""
        total = f"{self.total:,}" if self.is_complete else f"at least {self.total:,}"
        share = f" ({min(1.0, self.done / self.total):.0%})" if self.is_complete and self.total else ""
        rate = self.rate(now)
        left = self.seconds_left(now)
        parts = [
            f"{self.done:,} of {total} {'page' if total == '1' else 'pages'}{share}",
            f"{rate:,.1f} pages/s" if rate else "starting",
            f"{duration(left)} left" if left is not None and self.done < self.total else "",
            ", ".join(f"{route} {share:.0%}" for route, share in _shares(self.routes)),
            f"{self.statuses['failed']:,} failed" if self.statuses["failed"] else "",
            f"waits for {self.waits_for}" if self.waits_for else self.bottleneck(now) or "",
        ]
        return " · ".join(part for part in parts if part)

    def to_plain(self, now: float) -> dict[str, object]:
        """JSON values: counts are pages."""
        rate = self.rate(now)
        left = self.seconds_left(now)
        return {
            "done": self.done,
            "total": self.total,
            "index_complete": self.is_complete,
            "documents": self.documents,
            "pages_this_run": self.pages,
            "pages_per_second": None if rate is None else round(rate, 2),
            "seconds_left": None if left is None else round(left, 1),
            "statuses": dict(self.statuses),
            "routes": dict(self.routes),
            "error_codes": dict(self.error_codes),
            "stage_seconds": {name: round(seconds, 2) for name, seconds in self.stage_seconds.items()},
            "engine_start_seconds": round(self.start_seconds, 2),
            "workers": len(self.workers),
            "bottleneck": self.bottleneck(now),
            "waits_for": self.waits_for,
        }


def summary_lines(summary: Summary) -> list[str]:
    """The end of a run, for people."""
    lines = [f"{counted(summary.pages_in, 'page')} of {counted(summary.documents, 'document')} in {summary.run_dir}"]
    for title, counts in (("status", summary.statuses), ("route", summary.routes), ("errors", summary.error_codes)):
        mix = ", ".join(f"{name} {count:,}" for name, count in _by_count(counts))
        if mix:
            lines.append(f"  {title:9}{mix}")
    if summary.pages_this_run:
        rate = summary.pages_this_run / max(summary.seconds, 1e-9)
        pages = counted(summary.pages_this_run, "page")
        lines.append(f"  {'this run':9}{pages} in {duration(summary.seconds)}, {rate:,.1f} pages/s")
    else:
        lines.append(f"  {'this run':9}nothing was missing ({duration(summary.seconds)})")
    lines.extend(f"  warning: {warning}" for warning in summary.warnings)
    lines.append(f"  check:   omnipipe verify {summary.run_dir}")
    lines.append(f"  export:  omnipipe export {summary.run_dir} --to markdown -o markdown/")
    failed, locked = summary.statuses.get("failed", 0), summary.error_codes.get("encrypted", 0)
    if failed > locked:
        lines.append("  retry:   the same command with --retry failed")
    if locked:
        lines.append("  locked:  the same command with --password-file FILE, one password a line")
    return lines


def counted(number: int, noun: str) -> str:
    """`1 page`, `2,000 pages`: for nouns whose plural ends in s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Two units at most: `4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _plain_summary(summary: Summary) -> dict[str, object]:
    return {
        "run_dir": str(summary.run_dir),
        "documents": summary.documents,
        "pages_in": summary.pages_in,
        "statuses": dict(summary.statuses),
        "routes": dict(summary.routes),
        "error_codes": dict(summary.error_codes),
        "pages_this_run": summary.pages_this_run,
        "seconds": round(summary.seconds, 2),
        "warnings": list(summary.warnings),
    }


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))


def _shares(counts: Mapping[str, int]) -> list[tuple[str, float]]:
    whole = sum(counts.values())
    return [(name, count / whole) for name, count in _by_count(counts)]


def _find_long_wait(at_least: float) -> str | None:
    place, seconds = longest_wait() or ("", 0.0)
    return f"{place} ({duration(seconds)})" if seconds >= at_least else None


def _stage_name(stage: str) -> str:
    # OCR is a word of its own; other stages are named as their classes, in words.
    if stage.upper() == "OCR":
        return "OCR"
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in stage).strip()
    return words[:1].upper() + words[1:]


def _clip(text: str) -> str:
    # A line longer than the terminal wraps, and then the carriage return no longer takes it back.
    try:
        width = os.get_terminal_size(2).columns
    except OSError:
        width = 80
    return text if len(text) < width else f"{text[: width - 2]}…"


class _Kept:
    """A copy of a standard descriptor: what a runner does to number 2 while Ray is up does not take progress along."""

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._encoding = stream.encoding or "utf-8"
        self._descriptor = os.dup(stream.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def write(self, text: str) -> None:
        left = text.encode(self._encoding, errors="replace")
        while left:
            left = left[os.write(self._descriptor, left) :]

    def flush(self) -> None:
        """Nothing is held back."""


def _kept(stream: TextIO) -> _Stream:
    # A stream that a notebook or a test put there is not ours to look behind.
    if stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    try:
        return _Kept(stream)
    except (OSError, ValueError):
        return stream
