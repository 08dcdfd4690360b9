"""The small folder that documents from elsewhere lie in while they are read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.errors import RunStopped
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.source import Source


def test_a_cache_that_cannot_be_kept_is_no_documents_fault(tmp_path: Path) -> None:
    """Before, every document from elsewhere was a failed row: `missing`."""
    manifest = tmp_path / "m.parquet"
    pq.write_table(pa.table({"bytes": [b"one", b"two"]}), manifest)
    (tmp_path / "file").write_text("no folder")
    fetcher = Fetcher(tmp_path / "file" / "cache")

    with pytest.raises(RunStopped, match=r"cannot be kept.*TMPDIR"):
        fetcher.local_path(Source(f"row:0:{manifest}", None, "1"))


def test_a_cache_that_was_tidied_up_is_made_anew(tmp_path: Path) -> None:
    manifest = tmp_path / "m.parquet"
    pq.write_table(pa.table({"bytes": [b"one", b"two"]}), manifest)
    fetcher = Fetcher(tmp_path / "cache")
    fetcher.local_path(Source(f"row:0:{manifest}", None, "1"))
    shutil.rmtree(tmp_path / "cache")

    paths = [fetcher.local_path(Source(f"row:{row}:{manifest}", None, "1")) for row in (0, 1)]

    assert [Path(path).read_bytes() for path in paths] == [b"one", b"two"]
    fetcher.close()
