"""What the ledger's tests share: a tiny pipeline, documents that exist on paper only, and rows computed from keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from omnipipe.ledger.ledger import Ledger
from omnipipe.page import Page, PageError
from omnipipe.pipeline import Pipeline
from omnipipe.sources.source import Source, SourceRecord
from omnipipe.stages.base import Stage
from omnipipe.unit import Unit


class Nothing(Stage):
    """A stage that does nothing, with one setting that counts."""

    threshold: float = 0.5

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return pages


PIPELINE = Pipeline("nothing", (Nothing(),))
OTHER = Pipeline("nothing", (Nothing(threshold=0.75),))


def record(uri: str, num_pages: int | None, *, body: str | None = None, problem: str | None = None) -> SourceRecord:
    """A document of `num_pages` pages whose bytes are `body` (default: its uri)."""
    doc_id = hashlib.sha256((body or uri).encode()).hexdigest()
    if problem in ("missing", "unreadable"):
        doc_id = hashlib.sha256(f"uri:{uri}".encode()).hexdigest()
    return SourceRecord(
        uri=uri,
        doc_id=doc_id,
        size=len(body or uri),
        stamp=None if problem == "missing" else hashlib.sha256((body or uri).encode()).hexdigest()[:8],
        format="pdf",
        page_count=num_pages,
        problem=PageError.of(problem, f"{uri} is {problem}") if problem else None,
    )


def source_of(known: SourceRecord) -> Source:
    """The source that `known` was made of, unchanged."""
    return Source(known.uri, known.size, known.stamp, known.user)


def rows_of(unit: Unit, *, failing: Sequence[int] = (), text: str = "text") -> list[Page]:
    """The rows that a worker would make of `unit`; pages with an index in `failing` fail."""
    pages: list[Page] = []
    for member in unit.members:
        document = member.document
        base = Page(doc_id=document.doc_id, uri=document.uri, index=member.start, count=document.count)
        if member.kind == "problem":
            assert member.problem is not None
            pages.append(base.failed(*member.problem))
        elif member.kind == "skipped":
            pages.append(base.with_(status="skipped", num_pages=member.stop - member.start, error=member.problem))
        else:
            for index in range(member.start, member.stop):
                page = base.with_(index=index, status="ok", route="text_layer", text=f"{text} {document.uri} {index}")
                pages.append(page.failed("render_crash", "the child died") if index in failing else page)
    return pages


def run_all(ledger: Ledger, *, failing: Sequence[int] = (), text: str = "text") -> int:
    """Commit everything that is pending; how many units that was."""
    done = 0
    for unit in ledger.pending():
        ledger.store.plan_attempt(unit, "w")
        assert ledger.store.commit(unit, rows_of(unit, failing=failing, text=text))
        done += 1
    return done


def index(ledger: Ledger, records: Sequence[SourceRecord], max_pages: int | None = None) -> list[Unit]:
    """What a run does before it works: add the sources and plan what is new."""
    ledger.add_sources(records)
    return ledger.plan(records, None, max_pages)


def pages_of(run: Path) -> pa.Table:
    """All rows of `pages/`, by a reader that knows nothing of the ledger."""
    tables = [pq.ParquetFile(path).read() for path in sorted((run / "pages").glob("*.parquet"))]
    return pa.concat_tables(tables) if tables else pa.table({"page_id": pa.array([], pa.string())})


def ids_of(run: Path) -> list[str]:
    """The page ids in `pages/`, sorted."""
    return sorted(pages_of(run).column("page_id").to_pylist())


def documents_of(run: Path) -> list[dict[str, object]]:
    """All rows of `documents/`."""
    paths = sorted((run / "documents").glob("*.parquet"))
    return [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]
