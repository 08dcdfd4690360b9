"""A run: documents in, one committed row per page out, in one call that can be repeated until it is done."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omnipipe.errors import AccountingError, ConfigError, Interrupted, Terminated
from omnipipe.ledger.accounts import RunSummary as FinishedRun
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize
from omnipipe.ledger.retry import RetryChoice
from omnipipe.ledger.rundir import layout_of
from omnipipe.pipeline import Pipeline, find_conflict, load_pipeline
from omnipipe.progress import Progress, counted
from omnipipe.reading.process import ReaderLimits
from omnipipe.runners.escalation import ENGINE_UNITS, Escalation
from omnipipe.runners.job import Job, Later
from omnipipe.runners.strays import Strays
from omnipipe.sources.expand import Expansion, expand
from omnipipe.sources.index import index_sources
from omnipipe.sources.pages import PageSelection
from omnipipe.sources.walk import find_stat
from omnipipe.worker import WorkerOptions

if TYPE_CHECKING:
    from omnipipe.sources.source import Source, SourceRecord
    from omnipipe.unit import Receipt, Unit

# The first windows are small so that work starts at once; later ones so large that units are full, and no larger: a
# window takes 2 KB a document.
_WINDOWS = (64, 256, 1_024)
_WINDOW_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is done; of these only `pages`, `limit` and `max_pages` change which rows there are.

    Raises:
        UserError: One of them is out of its bounds.
    """

    runner: Literal["ray", "local"] = "ray"
    address: str | None = None
    served: str | None = None
    concurrency: tuple[int, int] | None = None
    pages: str | None = None
    limit: int | None = None
    max_pages: int | None = None
    passwords: tuple[str, ...] = field(default=(), repr=False)
    fresh: bool = False
    retry: str | None = None
    max_failed: str | None = None
    limits: ReaderLimits = field(default_factory=ReaderLimits)
    unit_size: UnitSize | None = None

    def __post_init__(self) -> None:
        # The command line has checked this; a caller in Python has not.
        if self.runner not in ("ray", "local"):
            raise ConfigError(f"runner={self.runner!r:.40} is unknown. Use 'ray' or 'local'.")
        for name, value in (("limit", self.limit), ("max_pages", self.max_pages)):
            if value is not None and not isinstance(value, int):
                raise ConfigError(f"{name}={value!r:.40} is no whole number. Give one from 1, or None for all.")
            if value is not None and value < 1:
                raise ConfigError(f"{name}={value} is less than 1. Give a number from 1, or None for all.")
        for name, text in (("pages", self.pages), ("retry", self.retry), ("max_failed", self.max_failed)):
            if text is not None and not isinstance(text, str):
                raise ConfigError(f"{name}={text!r:.40} is no text. Write it as on the command line: {name}='3'.")
        match self.concurrency:
            case None:
                pass
            case (int(least), int(most)) if 1 <= least <= most:
                pass
            case _:
                raise ConfigError(f"concurrency={self.concurrency!r:.40} is not (least, most) with 1 <= least <= most.")
        if isinstance(self.passwords, str):
            raise ConfigError("passwords is one text. Give a tuple of them: passwords=(password,).")
        if not all(isinstance(password, str) for password in self.passwords):
            raise ConfigError("passwords has one that is no text. Decode bytes first: passwords=(password.decode(),).")
        MaxFailed.parse(self.max_failed)
        if self.pages is not None:
            PageSelection.parse(self.pages)
        if self.retry is not None:
            RetryChoice.parse(self.retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run directory holds now, and what this call added to it. Counts are pages."""

    run_dir: Path
    run_id: str
    documents: int
    pages_in: int
    statuses: dict[str, int]
    routes: dict[str, int]
    error_codes: dict[str, int]
    pages_this_run: int
    seconds: float
    warnings: tuple[str, ...]


def run(
    pipeline: Pipeline | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    options: RunOptions | None = None,
    *,
    progress: Progress | None = None,
) -> RunSummary:
    """Bring every page of `inputs` into the run directory `output`, each exactly once, and say what is there.

    Does only what is missing; kill it anywhere and call it again. Documents that cannot be read are rows, not errors.
    Called from several threads, runs on Ray wait for one another.

    Raises:
        UserError: An input, a setting or the output cannot be used as asked; nothing was started.
        AccountingError: Pages are missing at the end, or more failed than `max_failed` allows.
        RunStopped: The run ended early (full disk, Ctrl-C); the same call goes on.
    """
    options = options or RunOptions()
    loaded = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
    if conflict := find_conflict(loaded.stages):
        raise ConfigError(f"pipeline {loaded.name!r}: {conflict.message}")
    named = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    # What is there is not given up, and no run begun, for inputs that are not; nor the former for a cluster.
    is_begun = find_stat(str(layout_of(output).manifest)) is not None
    sources = expand(named, limit=options.limit) if options.fresh or not is_begun else None
    if options.fresh and options.runner == "ray":
        from omnipipe.runners.ray_session import check_address

        check_address(options.address)
    with Ledger.open(output, loaded, fresh=options.fresh) as ledger:
        return _Run(loaded, named, ledger, options, progress or Progress("quiet"), sources).go()


class _Run:
    """One call of `run`, with the lock held."""

    def __init__(
        self,
        pipeline: Pipeline,
        inputs: Sequence[str | Path],
        ledger: Ledger,
        options: RunOptions,
        progress: Progress,
        sources: Expansion | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._inputs = inputs
        self._ledger = ledger
        self._options = options
        self._progress = progress
        self._allowed = MaxFailed.parse(options.max_failed)
        self._selection = PageSelection.parse(options.pages) if options.pages is not None else None
        # Problems of documents that are looked at again: a password given now may open what was locked before.
        self._again = {"encrypted"} if options.passwords else set()
        # Nor are pages of a document that one run opened with its password and the next tried to read without it.
        locked = "failed:encrypted" if options.passwords else None
        self._retry = ",".join(filter(None, (options.retry, locked)))
        if options.retry:
            self._again |= ledger.retry_codes(options.retry)
        self._statuses: Counter[str] = Counter()
        self._passes = pipeline.passes
        # Passes run side by side, in threads that share the ledger and the counts.
        self._lock = threading.RLock()
        self._later = Escalation(ledger, len(self._passes), self._lock)
        self._sources = sources
        self._num_documents = self._num_passed_over = 0
        self._done_before = ledger.counts().num_pages

    def go(self) -> RunSummary:
        started = time.monotonic()
        job = Job(
            pipeline=self._pipeline,
            run_dir=self._ledger.run_dir,
            run_id=self._ledger.run_id,
            boot_id=self._ledger.boot_id,
            options=WorkerOptions(limits=self._options.limits, passwords=self._options.passwords),
        )
        self._progress.start(total=self._ledger.num_planned_pages, done=self._done_before)
        units = self._units()
        try:
            is_new = self._is_new()
            ahead = [] if is_new else list(islice(units, 1))
            if is_new or ahead or self._is_left_open():
                self._runner()(job, chain(ahead, units), on_receipt=self._receive, later=self._later)
        except KeyboardInterrupt as asked:
            raise Interrupted(self._how_to_go_on(), is_terminated=isinstance(asked, Terminated)) from None
        finally:
            self._progress.stop()
            # Its threads end here and not where a garbage collection comes upon them: that may be the start of another
            # thread, which holds the lock that joining asks for. If one of the runner's is inside, this ends it, too.
            with suppress(ValueError):
                units.close()
        return self._summary(self._ledger.finish(), time.monotonic() - started)

    def _is_new(self) -> bool:
        """Whether no page was ever planned: then there is work, and a runner starts while its first part is indexed."""
        if self._ledger.num_planned_pages:
            return False
        self._sources = self._sources or expand(self._inputs, limit=self._options.limit)
        return True

    def _is_left_open(self) -> bool:
        later = range(1, len(self._passes))
        return any(next(self._ledger.pending(index), None) or self._ledger.has_open(index) for index in later)

    def _units(self) -> Generator[Unit]:
        with self._lock:
            if self._retry:
                self._ledger.plan_retry(self._retry, max_pages=self._options.max_pages)
            pending = list(self._ledger.pending(0))
        strays = Strays(self._ledger, self._lock)
        yield from strays.of_earlier(pending)
        self._sources = self._sources or expand(self._inputs, limit=self._options.limit)
        records = index_sources(
            self._sources,
            num_processes=max(1, min(4, os.cpu_count() or 1)),
            limits=self._options.limits,
            passwords=self._options.passwords,
            known=self._known,
            with_ocr_share=self._passes[0].works_on_pixels,
        )
        size = self._options.unit_size or (ENGINE_UNITS if self._passes[0].engine is not None else UnitSize())
        for window in _windows(records):
            with self._lock:
                self._ledger.add_sources(window)
                units = self._ledger.plan(window, self._selection, self._options.max_pages, size=size)
            self._num_documents += len(window)
            self._num_passed_over += sum(map(self._is_passed_over, window))
            self._progress.indexed(self._num_documents, self._ledger.num_planned_pages, complete=False)
            met = {record.uri for record in window}
            window.clear()
            yield from strays.of_new(units, met)
        with self._lock:
            units = self._ledger.drop_folders()
        yield from strays.of_new(units)
        yield from strays.rest()
        self._progress.indexed(self._num_documents, self._ledger.num_planned_pages, complete=True)

    def _is_passed_over(self, record: SourceRecord) -> bool:
        return bool(self._selection and record.page_count and not self._selection.spans(record.page_count))

    def _known(self, source: Source) -> SourceRecord | None:
        return self._ledger.known_source(source, again=self._again)

    def _runner(self) -> Callable[..., None]:
        if self._options.runner == "local":
            from omnipipe.runners import local

            return local.execute
        from omnipipe.runners import ray_data

        given = self._options
        ray_options = ray_data.RayOptions(address=given.address, concurrency=given.concurrency, served=given.served)

        def execute(job: Job, units: Iterable[Unit], *, on_receipt: Callable[[Receipt], None], later: Later) -> None:
            ray_data.execute(job, units, on_receipt=on_receipt, options=ray_options, later=later)

        return execute

    def _receive(self, receipt: Receipt) -> None:
        with self._lock:
            self._later.note(receipt)
            self._statuses.update(receipt.statuses)
            self._progress.receipt(receipt)
            self._allowed.check_early(self._statuses["failed"])

    def _summary(self, finished: FinishedRun, seconds: float) -> RunSummary:
        counts = finished.counts
        warnings = list(self._ledger.warnings)
        if self._num_passed_over:
            documents = counted(self._num_passed_over, "document")
            has = "has" if self._num_passed_over == 1 else "have"
            of_all = f"{documents} of {self._num_documents:,}"
            warnings.append(f"--pages {self._options.pages}: {of_all} {has} no such page.")
        if self._sources is not None and (doubles := self._sources.doubles).count:
            rows = f"{counted(doubles.count, 'row')} of the inputs {'names' if doubles.count == 1 else 'name'}"
            warnings.append(
                f"{rows} a document that came before with other columns, such as {doubles.example}. The first one's "
                "are kept: name each document once."
            )
        summary = RunSummary(
            run_dir=self._ledger.run_dir,
            run_id=self._ledger.run_id,
            documents=finished.num_documents,
            pages_in=finished.pages_in,
            statuses=dict(counts.statuses),
            routes=dict(counts.routes),
            error_codes=dict(counts.error_codes),
            pages_this_run=sum(self._statuses.values()),
            seconds=seconds,
            warnings=tuple(warnings),
        )
        self._progress.finish(summary)
        self._allowed.check_end(summary.statuses.get("failed", 0), summary.pages_in)
        return summary

    def _how_to_go_on(self) -> str:
        committed = self._ledger.counts().num_pages
        are, stay = ("is", "stays") if committed == 1 else ("are", "stay")
        said = f"{counted(committed, 'page')} {are} committed in {self._ledger.run_dir} and {stay} valid."
        return f"Interrupted. {said} The same command goes on from here."


@dataclass(frozen=True, slots=True)
class MaxFailed:
    """How many pages may fail: a count ("20"), a share ("5%" or "0.05"), or any number (None)."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, value: str | None) -> MaxFailed:
        """Raises ConfigError for what is neither a count nor a share."""
        if value is None:
            return cls()
        text = value.strip()
        try:
            if text.endswith("%"):
                return cls(share=_share(float(text[:-1]) / 100))
            return cls(count=int(text)) if text.isdigit() else cls(share=_share(float(text)))
        except ValueError:
            message = f"max_failed={value!r} is neither a count nor a share. Use a count (20) or a share (5% or 0.05)."
            raise ConfigError(message) from None

    def check_early(self, failed: int) -> None:
        if self.count is not None and failed > self.count:
            self._stop(failed, counted(self.count, "page"))

    def check_end(self, failed: int, pages_in: int) -> None:
        self.check_early(failed)
        if self.share is not None and failed > self.share * pages_in:
            self._stop(failed, f"{self.share:.2%} of {counted(pages_in, 'page')}")

    def _stop(self, failed: int, allowed: str) -> None:
        raise AccountingError(
            f"{counted(failed, 'page')} failed; --max-failed allows {allowed}. Their rows say why (status 'failed', "
            "error_code). Run again with a higher --max-failed, or with --retry failed when the cause is gone."
        )


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(value)
    return value


def _windows(records: Iterator[SourceRecord]) -> Iterator[list[SourceRecord]]:
    sizes = chain(_WINDOWS, repeat(_WINDOWS[-1]))
    window: list[SourceRecord] = []
    size, closes = next(sizes), time.monotonic() + _WINDOW_SECONDS
    for record in records:
        window.append(record)
        if len(window) >= size or time.monotonic() > closes:
            yield window
            window = []
            size, closes = next(sizes), time.monotonic() + _WINDOW_SECONDS
    if window:
        yield window
