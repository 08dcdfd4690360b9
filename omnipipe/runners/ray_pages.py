"""Pages as a Ray Data dataset, for people who go on in Ray Data; no run directory."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.chain import Chain
from omnipipe.errors import ConfigError
from omnipipe.ledger.wanted import find_lack
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.runners.job import end_process, page_by_page
from omnipipe.runners.ray_pages_starts import TaskStarts
from omnipipe.sources.expand import expand
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.index import index_source
from omnipipe.sources.pages import PageSelection
from omnipipe.sources.source import Source
from omnipipe.stages.deadline import watch
from omnipipe.unit import Member, Unit
from omnipipe.worker import WorkerOptions

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

_SOURCES = "sources"
_UNIT_PAGES = 32
_TASK_DOCUMENTS = 32
_TASK_BYTES = 16 << 20
_TASKS_PER_ACTOR = 4
_UNITS = {"memory": " of bytes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    pipeline: Pipeline
    config_hash: str
    options: WorkerOptions
    selection: PageSelection | None
    max_pages: int | None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)


Concurrency = int | tuple[int, int] | tuple[int, int, int] | None
"""Actors, as Ray Data names them: so many; the least and the most; these and how many to begin with."""


def to_dataset(
    pipeline: Pipeline | str | Path,
    uris: str | Path | Sequence[str | Path],
    *,
    pages: str | None = None,
    max_pages: int | None = None,
    limit: int | None = None,
    options: WorkerOptions | None = None,
    concurrency: Concurrency = None,
    num_cpus: float = 1,
    num_gpus: float | None = None,
    memory: float | None = None,
    override_num_blocks: int | None = None,
) -> Dataset:
    """A lazy dataset with one row a page, in the columns of `omnipipe.schema.PAGES`, also where it has no rows.

    `uris` is what `run` takes as inputs; they are listed now and read when the dataset is. Nothing is committed: what
    is executed twice is computed twice, and the same bytes under two uris are two documents. A document's rows come in
    the order of its pages, and one actor reads it; a page that takes that down alone, twice, is a row `worker_died`. At
    most 32 pages an actor are in memory, plus Ray Data's blocks. Where this process has no Ray yet, RAY_ADDRESS is
    joined, or a local one started that lives as long as it.

    The other arguments are those of Ray Data's own functions: `concurrency` actors, (least, most) or (least, most, at
    first), None: as many as there is room for; `num_cpus`, `num_gpus` and `memory` (bytes) of each, whose engines see
    no other GPUs; `override_num_blocks` tasks that the documents are dealt out to.

    Raises:
        InputError: A named input does not exist.
        ConfigError: The pipeline, the pages, the address or another argument cannot be used.
    """
    low, high, first = _bounds(concurrency)
    _check_counts(limit=limit, max_pages=max_pages, override_num_blocks=override_num_blocks)
    _check_amounts(num_cpus=num_cpus, num_gpus=num_gpus, memory=memory)
    _check_kinds(uris, pages, options)
    sources = list(expand([uris] if isinstance(uris, str | Path) else list(uris), limit=limit))
    loaded = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
    reading = _Reading(
        pipeline=loaded,
        config_hash=loaded.config_hash,
        options=options or WorkerOptions(),
        selection=PageSelection.parse(pages) if pages is not None else None,
        max_pages=max_pages,
    )

    cpus = _start_ray()
    import ray

    loads = _loads(sources, override_num_blocks, high or max(1, int(cpus / max(num_cpus, 0.01))))
    return ray.data.from_arrow(_blocks(loads)).map_batches(
        _PageReader,
        fn_constructor_args=(reading,),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        memory=memory,
        compute=ray.data.ActorPoolStrategy(
            min_size=low, max_size=high, initial_size=first, max_tasks_in_flight_per_actor=2
        ),
    )


def _blocks(loads: Iterable[Sequence[Source]]) -> list[pa.Table]:
    import pyarrow as pa

    return [pa.table({_SOURCES: pa.array([pickle.dumps(load)], pa.large_binary())}) for load in loads]


def _start_ray() -> float:
    """The CPUs of the cluster that this process has now."""
    from omnipipe.runners.ray_session import ensure_ray, send_user_modules

    ensure_ray()
    send_user_modules()
    import ray

    return float(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]


def _check_counts(**counts: object) -> None:
    for name, value in counts.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ConfigError(f"{name}={value!r:.40} is no whole number from 1. Give one, or None.")


def _check_kinds(uris: object, pages: object, options: object) -> None:
    if uris is None:
        raise ConfigError("uris=None names nothing. Give files, folders, globs, URIs or a manifest.")
    if pages is not None and not isinstance(pages, str):
        raise ConfigError(f"pages={pages!r:.40} is no text. Write it as on the command line: pages='3'.")
    if options is not None and not isinstance(options, WorkerOptions):
        raise ConfigError(f"options={options!r:.40} are no WorkerOptions. Give omnipipe.worker.WorkerOptions(...).")


def _check_amounts(**amounts: object) -> None:
    for name, value in amounts.items():
        is_amount = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        if value is not None and not is_amount:
            raise ConfigError(
                f"{name}={value!r:.40} is no amount from 0. Give a number{_UNITS.get(name, '')}, or None."
            )
    if amounts["num_cpus"] is None:
        raise ConfigError("num_cpus=None is no amount of CPUs. Give a number, such as 1.")


def _bounds(concurrency: object) -> tuple[int, int | None, int | None]:
    """The least number of actors, the most, and how many to begin with."""
    match concurrency:
        case None:
            return 1, None, None
        case bool():
            pass
        case int(size) if size >= 1:
            return size, size, None
        case (int(least), int(most)) if 1 <= least <= most:
            return least, most, None
        case (int(least), int(most), int(first)) if 1 <= least <= first <= most:
            return least, most, first
    raise ConfigError(
        f"concurrency={concurrency!r:.40} is no number of actors. Give one from 1, (least, most), or (least, most, "
        "at first) with 1 <= least <= most."
    )


class _PageReader:
    """An actor's part: indexes documents and reads them, unit by unit."""

    def __init__(self, reading: _Reading) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._reading = reading
        silent_seconds = reading.options.limits.document_seconds
        self._fetcher = Fetcher(reading.options.cache_dir, silent_seconds=silent_seconds)
        self._worker = Chain(reading.pipeline, reading.options)
        watch(reading.pipeline.stages, end_process)

    def __call__(self, rows: pa.Table) -> Iterator[pa.Table]:
        from omnipipe.schema import PAGES, pages_table

        is_empty = True
        starts = TaskStarts(self._reading.token)
        for row in rows.column(_SOURCES):
            for unit in self._units(row.as_py()):
                pages = self._run(unit, starts)
                yield pages_table(pages, config_hash=self._reading.config_hash, run_id="", created_at=datetime.now(UTC))
                is_empty = False
        starts.close()
        if is_empty:
            # Else a dataset without rows would have no columns to go on with.
            yield PAGES.empty_table()

    def _run(self, unit: Unit, starts: TaskStarts) -> Sequence[Page]:
        attempt = starts.plan_attempt(unit)
        if attempt.mode == "whole":
            pages: Sequence[Page] = self._worker.run(unit)
        else:
            given = self._worker.start_pages(unit)
            pages = list(page_by_page(self._worker, starts, unit, given, attempt.poisoned))
        starts.end(unit, attempt)
        return pages

    def _units(self, load: bytes) -> Iterator[Unit]:
        numbers = count()
        digest = hashlib.sha256(load).hexdigest()[:16]
        for source in pickle.loads(load):
            record = index_source(source, self._worker.reader, self._fetcher)
            lack = find_lack(
                record, record.ref(), [], selection=self._reading.selection, max_pages=self._reading.max_pages
            )
            for member in lack.members:
                for piece in _pieces(member):
                    yield Unit(id=f"{digest}-{next(numbers)}", members=(piece,))


def _pieces(member: Member) -> Iterator[Member]:
    if member.kind != "read":
        yield member
        return
    for start in range(member.start, member.stop, _UNIT_PAGES):
        yield member._replace(start=start, stop=min(start + _UNIT_PAGES, member.stop))


def _loads(sources: Sequence[Source], num_blocks: int | None, num_actors: int) -> Iterator[Sequence[Source]]:
    """The sources of each task: `num_blocks` tasks, or small ones of which each actor gets some.

    A task is one block; blocks of pages are as large as the caller's own context says.
    """
    if num_blocks is not None:
        cuts = [len(sources) * number // num_blocks for number in range(num_blocks + 1)]
        yield from (sources[start:stop] for start, stop in pairwise(cuts) if start < stop)
        return
    most = min(_TASK_DOCUMENTS, max(1, len(sources) // (_TASKS_PER_ACTOR * num_actors)))
    load: list[Source] = []
    num_bytes = 0
    for source in sources:
        load.append(source)
        num_bytes += source.size or 0
        if len(load) == most or num_bytes >= _TASK_BYTES:
            yield tuple(load)
            load, num_bytes = [], 0
    if load:
        yield tuple(load)
