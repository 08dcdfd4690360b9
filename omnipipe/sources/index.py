"""From sources to records: hash, format, page count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.source import Source, SourceRecord

if TYPE_CHECKING:
    from omnipipe.reading.process import ReaderLimits, ReaderProcess


def index_source(source: Source, reader: ReaderProcess, fetcher: Fetcher) -> SourceRecord:
    """What is at `source`. A document's trouble is its `problem`, never an exception."""
    raise NotImplementedError


def index_sources(
    sources: Iterable[Source],
    *,
    num_processes: int,
    limits: ReaderLimits,
    passwords: Sequence[str] = (),
    known: Callable[[Source], SourceRecord | None] = lambda source: None,
) -> Iterator[SourceRecord]:
    """The records of `sources`, in order, read by `num_processes` reader processes a little ahead of the caller.

    What `known` returns is taken as it is, and nothing is read.
    """
    raise NotImplementedError
