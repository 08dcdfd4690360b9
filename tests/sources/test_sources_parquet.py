"""Manifests in Parquet, with columns of all kinds."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from omnipipe.sources.expand import expand


def test_values_that_python_has_no_like_of_pass_through_as_text(tmp_path: Path) -> None:
    """Before, one time beyond the year 9999, or one text that is no Unicode, ended the run with a traceback."""
    bad = pa.array([b"caf\xe9.pdf", b"b.pdf"])
    names = pa.StringArray.from_buffers(2, bad.buffers()[1], bad.buffers()[2])
    columns = {
        "path": names,
        "title": names.dictionary_encode(),
        "late": pa.array([10**15, 0], pa.timestamp("ms")),
        "zone": pa.array([1, None], pa.timestamp("us", tz="Nowhere/City")),
    }
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")

    first, second = expand([tmp_path / "m.parquet"])

    assert first.uri == f"file://{tmp_path}/caf%E9.pdf"
    assert first.user == {
        "title": "caf\\udce9.pdf",
        "late": "1000000000000000 timestamp[ms]",
        "zone": "1 timestamp[us, tz=Nowhere/City]",
    }
    assert second.user == {"title": "b.pdf", "late": "1970-01-01 00:00:00", "zone": None}


def test_a_row_of_parquet_without_bytes_is_had_by_its_path(tmp_path: Path) -> None:
    """Before, a path was passed over where there was a column of bytes, and its document was missing."""
    manifest = tmp_path / "m.parquet"
    paths = ["/d/a.pdf", "/d/b.pdf", None, "/d/c.pdf"]
    pq.write_table(pa.table({"path": paths, "bytes": [None, b"x", None, b"y"], "n": [1, 2, 3, 4]}), manifest)

    sources = list(expand([manifest]))

    assert [source.uri for source in sources] == [
        "/d/a.pdf",
        f"row:1:{manifest}",
        f"row:2:{manifest}",
        f"row:3:{manifest}",
    ]
    assert [dict(source.user) for source in sources] == [
        {"n": 1},
        {"path": "/d/b.pdf", "n": 2},
        {"n": 3},
        {"path": "/d/c.pdf", "n": 4},
    ]


def test_nested_columns_are_json_that_every_reader_takes(tmp_path: Path) -> None:
    manifest = tmp_path / "m.parquet"
    nested = [{"share": [float("nan"), 1.5], "raw": b"\xff"}]
    pq.write_table(pa.table({"path": ["/d/a.pdf"], "nested": nested}), manifest)

    (source,) = expand([manifest])

    assert source.user["nested"] == '{"share": [null, 1.5], "raw": "/w=="}'
