"""From what a user names to sources."""

from __future__ import annotations

import base64
import io
import json
import os
import time
import tracemalloc
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.errors import InputError
from omnipipe.sources.expand import expand
from omnipipe.sources.place import find_local_path, local_uri
from tests.memory import held_bytes


def _touch(folder: Path, *names: str) -> list[str]:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))
    return [str(folder / name) for name in names]


def _uris(*inputs: str | Path, limit: int | None = None) -> list[str]:
    return [source.uri for source in expand(inputs, limit=limit)]


def test_a_folder_gives_its_documents_in_order_with_size_and_date(tmp_path: Path) -> None:
    wanted = _touch(tmp_path, "a.pdf", "b/c.PNG", "b/d/e.tif", "z.jpeg")
    _touch(tmp_path, "notes.txt", "b/x.docx", ".hidden.pdf", ".git/a.pdf", "README")

    expansion = expand([tmp_path])
    sources = list(expansion)

    assert [source.uri for source in sources] == wanted
    assert sources[0].size == 5
    assert sources[0].stamp == str((tmp_path / "a.pdf").stat().st_mtime_ns)
    assert dict(expansion.left_out) == {"txt": 1, "docx": 1, "": 1}
    assert expansion.num_left_out == 3


def test_a_file_named_by_itself_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    wanted = _touch(tmp_path, "scan.dat", ".hidden")

    assert _uris(*wanted) == wanted


@pytest.mark.parametrize(
    "name",
    ["a#1.pdf", "two words.pdf", "100%25.pdf", "Übersicht 日本.pdf", "what?.pdf", "[1].pdf", "a\nb.pdf", "row:1:x.pdf"],
)
def test_odd_names_are_found_by_name_by_folder_and_by_manifest(tmp_path: Path, name: str) -> None:
    path = _touch(tmp_path / "docs", name)[0]
    manifest = tmp_path / "list.jsonl"
    manifest.write_text(json.dumps({"path": path}))

    assert _uris(path) == _uris(tmp_path / "docs") == _uris(manifest) == [path]
    assert find_local_path(path) == path


def test_a_name_that_is_not_unicode_gets_a_uri_that_leads_back(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pdf")
    try:
        Path(path).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")

    sources = list(expand([tmp_path]))

    assert sources[0].uri == f"file://{tmp_path}/caf%E9.pdf"
    assert find_local_path(sources[0].uri) == path
    assert sources[0].size == 1


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    inside = _touch(tmp_path / "docs", "a/one.pdf", "b/two.pdf")
    _touch(tmp_path / "other", "three.pdf")
    docs = tmp_path / "docs"
    (docs / "a" / "up").symlink_to(docs)
    (docs / "b" / "sideways").symlink_to(docs / "a")
    (docs / "b" / "out").symlink_to(tmp_path / "other")
    (docs / "self").symlink_to("self")

    assert _uris(docs) == [*inside, str(docs / "b" / "out" / "three.pdf")]
    assert _uris(f"{docs}/**/*.pdf") == inside


def test_a_broken_link_in_a_folder_is_a_source_of_unknown_size(tmp_path: Path) -> None:
    (tmp_path / "gone.pdf").symlink_to(tmp_path / "nowhere")

    assert [(source.size, source.stamp) for source in expand([tmp_path])] == [(None, None)]


def test_globs_match_within_names_and_over_folders(tmp_path: Path) -> None:
    a, b, c, d = _touch(tmp_path, "a.pdf", "b.png", "x/c.pdf", "x/y/d.pdf")
    other = _touch(tmp_path, "e.dat")[0]

    assert _uris(f"{tmp_path}/*.pdf") == [a]
    assert _uris(f"{tmp_path}/**/*.pdf") == [a, c, d]
    assert _uris(f"{tmp_path}/**") == [a, b, c, d]
    assert _uris(f"{tmp_path}/[ab].*") == [a, b]
    assert _uris(f"{tmp_path}/x/*/?.pdf") == [d]
    assert _uris(f"{tmp_path}/*.dat") == [other]
    assert _uris(f"{tmp_path}/*") == [a, b, c, d]


def test_relative_inputs_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _touch(tmp_path, "docs/a.pdf")[0]
    monkeypatch.chdir(tmp_path)

    _touch(tmp_path, "row:1:x")

    assert _uris("row:1:x") == [f"{tmp_path}/row:1:x"]
    assert _uris("docs") == _uris("docs/a.pdf") == _uris("*/a.pdf") == _uris(f"file://{path}") == [path]


def test_a_limit_of_more_than_anybody_can_count_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")

    assert len(list(expand([tmp_path], limit=10**30))) == 1


def test_the_same_uri_twice_is_one_source_and_limit_ends_early(tmp_path: Path) -> None:
    a, b, _ = _touch(tmp_path, "a.pdf", "b.pdf", "c.pdf")

    assert _uris(b, tmp_path, a, limit=2) == [b, a]


@pytest.mark.parametrize("named", ["folder", "glob", "manifest"])
def test_what_is_held_does_not_grow_with_the_documents(named: str, tmp_path: Path) -> None:
    """Before, 200 to 450 bytes a document: the entries of its folder and each uri that had come."""
    num = 3_000
    folder = tmp_path / "documents"
    folder.mkdir()
    for i in range(num):
        (folder / f"{i:06}.pdf").touch()
    manifest = tmp_path / "list.txt"
    manifest.write_text("".join(f"documents/{i:06}.pdf\n" for i in range(num)))
    given = {"folder": folder, "glob": folder / "*.pdf", "manifest": manifest}[named]
    warm = list(expand([given], limit=10))

    tracemalloc.start()
    try:
        sources = expand([given])
        found = sum(1 for _ in islice(sources, num - 1))
        held = held_bytes()
    finally:
        tracemalloc.stop()
    assert (len(warm), found, len(list(sources))) == (10, num - 1, 1)
    assert held < 40 * num, f"{held / num:.0f} bytes a document"


def test_paths_come_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = _touch(tmp_path, "a.pdf", "ä #2.pdf")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{a}\r\n\n{b}\n".encode())))

    assert _uris("-") == [a, b]


def test_paths_may_end_in_nul_as_find_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, all of them were one path, which was missing: names with a line's end could not be given."""
    a, b, c = _touch(tmp_path, "a.pdf", "b\nc.pdf", "d.pdf")
    listed = f"{a}\0{b}\0{c}\0".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(listed)))
    manifest = tmp_path / "list.txt"
    manifest.write_bytes(listed)

    assert _uris("-") == [a, b, c]
    assert _uris(str(manifest)) == [a, b, c]


def test_a_list_in_utf_16_is_refused(tmp_path: Path) -> None:
    """Before, its lines were paths that were missing."""
    manifest = tmp_path / "list.txt"
    manifest.write_text("a.pdf\nb.pdf\n", encoding="utf-16")

    with pytest.raises(InputError, match=r"list\.txt is in UTF-16. Write it in UTF-8"):
        expand([manifest])


def test_a_manifest_of_lines_keeps_what_is_missing_and_walks_folders(tmp_path: Path) -> None:
    a, c = _touch(tmp_path, "a.pdf", "batch_3/c.pdf")
    manifest = tmp_path / "list.txt"
    manifest.write_text(f"\ufeff{a}\n\nmissing.pdf\nbatch_3\n{a}\n")

    sources = list(expand([manifest]))

    assert [source.uri for source in sources] == [a, str(tmp_path / "missing.pdf"), c]
    assert [source.size is None for source in sources] == [False, True, False]


def test_relative_paths_are_looked_for_from_here_and_then_beside_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, beside = _touch(tmp_path, "cwd/both.pdf", "lists/only.pdf")
    _touch(tmp_path, "lists/both.pdf")
    (tmp_path / "lists" / "list.lst").write_text("both.pdf\nonly.pdf\n")
    monkeypatch.chdir(tmp_path / "cwd")

    assert _uris("../lists/list.lst") == [here, beside]


def test_rows_of_json_carry_the_users_columns_and_are_never_lost(tmp_path: Path) -> None:
    a = _touch(tmp_path, "a.pdf")[0]
    rows = [
        json.dumps({"URL": "a.pdf", "year": 1999, "ok": True, "tags": ["x", "ü"], "half": "\ud800", "none": None}),
        "not json",
        json.dumps({"title": "no path"}),
        json.dumps({"bytes": base64.b64encode(b"x").decode(), "n": 1.5}),
        json.dumps({"path": "\ud800.pdf"}),
    ]
    manifest = tmp_path / "list.jsonl"
    manifest.write_text("\n".join(rows))

    sources = list(expand([manifest]))

    assert [source.uri for source in sources] == [a, *(f"row:{n}:{manifest}" for n in (1, 2, 3, 4))]
    assert dict(sources[0].user) == {
        "year": 1999,
        "ok": True,
        "tags": '["x", "ü"]',
        "half": "\\ud800",
        "none": None,
    }
    assert dict(sources[3].user) == {"n": 1.5}
    json.dumps([dict(source.user) for source in sources]).encode()


@pytest.mark.parametrize("column", ["path", "uri", "url", "file", "source_uri", "Path"])
def test_rows_of_parquet_carry_the_users_columns(tmp_path: Path, column: str) -> None:
    a, b = _touch(tmp_path, "a.pdf", "b.pdf")
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            column: [a, "b.pdf"],
            "when": pa.array([0, None], pa.timestamp("s")),
            "score": [float("nan"), 0.5],
            "raw": [b"\xff", b""],
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")

    sources = list(expand([tmp_path / "m.parquet"]))

    assert [source.uri for source in sources] == [a, b]
    assert dict(sources[0].user) == {"id": 1, "when": "1970-01-01 00:00:00", "score": None, "raw": "/w=="}


@pytest.mark.parametrize("more", [{}, {"path": ["a.pdf", "b.pdf"]}])
def test_rows_of_parquet_with_bytes_lead_back_to_file_and_row(tmp_path: Path, more: dict[str, list[str]]) -> None:
    manifest = tmp_path / "m.parquet"
    pq.write_table(pa.table({"content": [b"1", b"2"], **more}), manifest)

    sources = list(expand([manifest]))

    assert [source.uri for source in sources] == [f"row:0:{manifest}", f"row:1:{manifest}"]
    assert sources[0].stamp == str(manifest.stat().st_mtime_ns)
    assert [dict(source.user) for source in sources] == [
        {key: values[i] for key, values in more.items()} for i in (0, 1)
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.jsonl", b'{"title": "x"}\n', "line 1 has the keys title"),
        ("m.jsonl", b"%PDF-1.7\n", "line 1 is not a JSON object"),
        ("m.parquet", b"PAR1", "is not a Parquet file"),
        ("m.txt", b"\n \n", "There are no documents in"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InputError, match=words):
        expand([tmp_path / name])


def test_a_parquet_file_without_a_document_column_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["text, not bytes"], "n": [1]}), tmp_path / "m.parquet")

    with pytest.raises(InputError, match=r"has the columns content \(\w+\), n \(int64\)"):
        expand([tmp_path / "m.parquet"])


def test_a_named_input_that_is_not_there_is_refused_before_anything_is_given(tmp_path: Path) -> None:
    a = _touch(tmp_path, "report.pdf")[0]

    with pytest.raises(InputError, match=r"reprot.pdf does not exist.* Did you mean .*report.pdf\?"):
        expand([a, tmp_path / "reprot.pdf"])


@pytest.mark.parametrize(
    "text", ["", "a\0b.pdf", "no/such/folder/*.pdf", "https://example.org/a.pdf", "row:1:/x.parquet"]
)
def test_inputs_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        expand([text])


def test_nothing_to_read_is_refused_and_says_what_was_left_out(tmp_path: Path) -> None:
    _touch(tmp_path, "a.docx", "b.docx", "c.txt")

    with pytest.raises(InputError, match=r"3 files left out by their ending: 2 \.docx, 1 \.txt"):
        expand([tmp_path])
    with pytest.raises(InputError, match="No input is named"):
        expand([])


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")

    with pytest.raises(InputError, match="neither a file nor a folder"):
        expand([tmp_path / "pipe.pdf"])


def test_a_folder_that_cannot_be_listed_is_not_lost(tmp_path: Path) -> None:
    _touch(tmp_path, "closed/a.pdf", "b.pdf")
    (tmp_path / "closed").chmod(0)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("this user (root) may list every folder")

    uris = _uris(tmp_path)
    (tmp_path / "closed").chmod(0o700)

    assert uris == [str(tmp_path / "b.pdf"), str(tmp_path / "closed")]


def test_ten_thousand_files_are_found_in_a_moment(tmp_path: Path) -> None:
    for i in range(10_000):
        (tmp_path / f"{i:05}.pdf").touch()

    start = time.process_time()
    count = sum(1 for _ in expand([tmp_path]))
    seconds = time.process_time() - start

    assert count == 10_000
    assert seconds < 1.0


def test_local_uris_are_plain_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert local_uri("a b#c%20.pdf") == f"{tmp_path}/a b#c%20.pdf"
