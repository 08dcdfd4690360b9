"""Pages as a Ray Data dataset, for people who go on in Ray Data; no run directory."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.chain import Chain
from omnipipe.ledger.wanted import find_lack
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.sources.expand import expand
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.index import index_source
from omnipipe.sources.pages import PageSelection
from omnipipe.sources.source import Source
from omnipipe.unit import Member, Unit
from omnipipe.worker import WorkerOptions

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

_SOURCES = "sources"
_UNIT_PAGES = 32
_TASK_DOCUMENTS = 32
_TASK_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    pipeline: Pipeline
    config_hash: str
    options: WorkerOptions
    selection: PageSelection | None
    max_pages: int | None


def to_dataset(
    pipeline: Pipeline | str | Path,
    uris: str | Path | Sequence[str | Path],
    *,
    pages: str | None = None,
    max_pages: int | None = None,
    options: WorkerOptions | None = None,
    concurrency: tuple[int, int] | None = None,
    num_cpus: float = 1,
) -> Dataset:
    """A lazy dataset with one row a page, in the columns of `omnipipe.schema.PAGES`.

    `uris` is what `run` takes as inputs; they are listed now and read when the dataset is. Nothing is committed: what
    is executed twice is computed twice, and the same bytes under two uris are two documents. A document's rows come in
    the order of its pages, and one actor reads it. At most 32 pages an actor are in memory at once, plus Ray Data's
    blocks. `concurrency` is the least and the largest number of actors, as many as there is room for if None. Where
    this process has no Ray yet, RAY_ADDRESS is joined, or a local one started that lives as long as the process.

    Raises:
        InputError: A named input does not exist.
        ConfigError: The pipeline, the pages or the address cannot be used.
    """
    loaded = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
    named = [uris] if isinstance(uris, str | Path) else list(uris)
    reading = _Reading(
        pipeline=loaded,
        config_hash=loaded.config_hash,
        options=options or WorkerOptions(),
        selection=PageSelection.parse(pages) if pages is not None else None,
        max_pages=max_pages,
    )
    loads = list(_loads(expand(named)))

    from omnipipe.runners.ray_session import ensure_ray, send_user_modules

    ensure_ray()
    send_user_modules()
    import pyarrow as pa
    import ray

    low, high = concurrency or (1, None)
    # One block a task's load of sources; blocks of pages are as large as the caller's own context says.
    blocks = [pa.table({_SOURCES: pa.array([pickle.dumps(load)], pa.large_binary())}) for load in loads]
    dataset: Dataset = ray.data.from_arrow(blocks).map_batches(
        _PageReader,
        fn_constructor_args=(reading,),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=num_cpus,
        compute=ray.data.ActorPoolStrategy(min_size=low, max_size=high, max_tasks_in_flight_per_actor=2),
    )
    return dataset


class _PageReader:
    """An actor's part: indexes documents and reads them, unit by unit."""

    def __init__(self, reading: _Reading) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._reading = reading
        self._fetcher = Fetcher(reading.options.cache_dir)
        self._worker = Chain(reading.pipeline, reading.options)

    def __call__(self, rows: pa.Table) -> Iterator[pa.Table]:
        from omnipipe.schema import pages_table

        for row in rows.column(_SOURCES):
            for unit in self._units(pickle.loads(row.as_py())):
                pages = self._worker.run(unit)
                yield pages_table(pages, config_hash=self._reading.config_hash, run_id="", created_at=datetime.now(UTC))

    def _units(self, sources: Sequence[Source]) -> Iterator[Unit]:
        numbers = count()
        for source in sources:
            record = index_source(source, self._worker.reader, self._fetcher)
            lack = find_lack(
                record, record.ref(), [], selection=self._reading.selection, max_pages=self._reading.max_pages
            )
            for member in lack.members:
                for piece in _pieces(member):
                    yield Unit(id=f"{next(numbers)}", members=(piece,))


def _pieces(member: Member) -> Iterator[Member]:
    if member.kind != "read":
        yield member
        return
    for start in range(member.start, member.stop, _UNIT_PAGES):
        yield member._replace(start=start, stop=min(start + _UNIT_PAGES, member.stop))


def _loads(sources: Iterator[Source]) -> Iterator[tuple[Source, ...]]:
    load: list[Source] = []
    num_bytes = 0
    for source in sources:
        load.append(source)
        num_bytes += source.size or 0
        if len(load) == _TASK_DOCUMENTS or num_bytes >= _TASK_BYTES:
            yield tuple(load)
            load, num_bytes = [], 0
    if load:
        yield tuple(load)
