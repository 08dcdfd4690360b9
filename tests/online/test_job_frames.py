"""Records of segments: what was written is read, and nothing of what was cut short."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.online.job import Row
from omnipipe.online.jobs.frame import ERASED, Kind, decode_rows, encode, encode_rows, walk
from omnipipe.online.jobs.segment import Place, erase, read_frames, read_payload

_IDS = st.binary(min_size=16, max_size=16)
_ROWS = st.lists(st.builds(Row, st.integers(-(2**31), 2**31 - 1), st.sampled_from(["ok", "failed"]), st.binary()))
_RECORDS = st.lists(st.tuples(st.sampled_from(Kind), _IDS, st.integers(0, 9), st.binary(max_size=60)), max_size=6)


@given(_ROWS)
def test_rows_are_read_as_they_were_written(rows: list[Row]) -> None:
    assert decode_rows(encode_rows(rows)) == rows


@given(_RECORDS)
def test_records_are_read_as_they_were_written(records: list[tuple[Kind, bytes, int, bytes]]) -> None:
    data = b"".join(encode(*record) for record in records)

    frames = list(walk(data))

    found = [(f.kind, f.job_id, f.generation, data[f.payload_at : f.end]) for f in frames]
    assert found == records
    assert all(frame.is_whole and not frame.is_erased for frame in frames)


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_a_file_cut_at_any_byte_gives_the_records_before_the_cut(payloads: list[bytes]) -> None:
    records = [encode(Kind.ROWS, bytes(16), 0, payload) for payload in payloads]
    data = b"".join(records)
    ends = [sum(map(len, records[: n + 1])) for n in range(len(records))]

    for cut in range(len(data) + 1):
        assert [frame.end for frame in walk(data[:cut])] == [end for end in ends if end <= cut]


@given(st.binary(max_size=200), st.data())
def test_a_changed_byte_never_gives_another_payload(payload: bytes, data: st.DataObject) -> None:
    record = bytearray(encode(Kind.JOB, bytes(16), 1, payload) + encode(Kind.JOB, bytes(16), 1, b"next"))
    at = data.draw(st.integers(0, len(record) - 1))
    record[at] ^= data.draw(st.integers(1, 255))

    whole = [bytes(record[frame.payload_at : frame.end]) for frame in walk(bytes(record)) if frame.is_whole]

    assert whole in ([payload], [b"next"], [], [payload, b"next"])


def test_a_follower_goes_on_where_a_record_was_not_there_yet(tmp_path: Path) -> None:
    records = [encode(Kind.ROWS, secrets.token_bytes(16), 0, bytes([n]) * 30) for n in range(5)]
    data = b"".join(records)
    path = tmp_path / "a.seg"
    seen: list[bytes] = []
    at = 0

    for size in range(0, len(data) + 1, 7):
        path.write_bytes(data[:size])
        opened = os.open(path, os.O_RDONLY)
        at = read_frames(opened, at, size, lambda frame, payload: seen.append(bytes(payload)))
        os.close(opened)
    path.write_bytes(data)
    opened = os.open(path, os.O_RDONLY)
    read_frames(opened, at, len(data), lambda frame, payload: seen.append(bytes(payload)))
    os.close(opened)

    assert seen == [bytes([n]) * 30 for n in range(5)]


def test_an_erased_record_is_zeros_and_its_neighbours_stay(tmp_path: Path) -> None:
    payloads = [b"first words", b"second words", b"third words"]
    path = tmp_path / "a.seg"
    path.write_bytes(b"".join(encode(Kind.ROWS, bytes(16), 0, payload) for payload in payloads))
    frames = list(walk(path.read_bytes()))
    places = [Place("a.seg", frame.offset, frame.length) for frame in frames]

    num_erased = erase(places[1:2], lambda name: tmp_path / name)
    erased_again = erase(places[1:2], lambda name: tmp_path / name)

    assert (num_erased, erased_again) == (1, 0)
    assert b"second" not in path.read_bytes()
    assert [frame.is_erased for frame in walk(path.read_bytes())] == [False, True, False]
    read = [read_payload(path, place.offset, place.length) for place in places]
    assert read == [b"first words", None, b"third words"]


def test_a_kill_in_the_middle_of_erasing_leaves_a_record_that_nobody_reads(tmp_path: Path) -> None:
    data = bytearray(encode(Kind.ROWS, bytes(16), 0, b"words") + encode(Kind.ROWS, bytes(16), 0, b"others"))
    first = next(walk(bytes(data)))
    data[first.payload_at : first.end] = bytes(first.length)
    path = tmp_path / "a.seg"
    path.write_bytes(data)

    before = [(frame.is_whole, frame.is_erased) for frame in walk(path.read_bytes())]
    erase([Place("a.seg", first.offset, first.length)], lambda name: tmp_path / name)
    after = [(frame.is_whole, frame.is_erased) for frame in walk(path.read_bytes())]

    assert before == [(False, False), (True, False)]
    assert after == [(False, True), (True, False)]
    assert ERASED == b"\x01"
