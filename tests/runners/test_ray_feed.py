"""The queue between a run's driver and its dataset's source: rows, their sizes, and sources that come and go."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from itertools import islice

import pytest

from omnipipe.runners.ray_queue import Address, QueueServer, UnitQueue, rows_of
from omnipipe.unit import Unit


@pytest.fixture
def queue() -> UnitQueue:
    return UnitQueue(num_workers=1)


@pytest.fixture
def address(queue: UnitQueue) -> Iterator[Address]:
    server = QueueServer(queue)
    yield server.address
    server.close()


def put(queue: UnitQueue, *names: str) -> None:
    for name in names:
        queue.put(Unit(id=name, members=()).to_bytes())


def ids(row: bytes) -> list[str]:
    return [Unit.from_bytes(unit).id for unit in pickle.loads(row)]


def test_units_come_out_in_order_and_the_rows_end(queue: UnitQueue, address: Address) -> None:
    put(queue, "a", "b", "c")
    queue.complete()

    assert [ids(row) for row in rows_of(address)] == [["a"], ["b"], ["c"]]


def test_a_row_holds_a_load_and_the_last_ones_less(queue: UnitQueue, address: Address) -> None:
    queue.set_load(4)
    put(queue, *"abcdefgh")
    rows = rows_of(address)

    first = next(rows)
    queue.complete()

    assert [ids(row) for row in (first, *rows)] == [list("abcd"), list("ef"), ["g"], ["h"]]


def test_a_row_waits_for_its_units(queue: UnitQueue, address: Address) -> None:
    rows = rows_of(address)
    later = threading.Timer(0.2, put, (queue, "a"))
    later.start()

    assert ids(next(rows)) == ["a"]


def test_a_source_that_starts_again_gets_the_same_rows(queue: UnitQueue, address: Address) -> None:
    put(queue, *"abc")
    before = list(islice(rows_of(address), 2))
    queue.complete()

    assert [ids(row) for row in before] == [["a"], ["b"]]
    assert [ids(row) for row in rows_of(address)] == [["a"], ["b"], ["c"]]


def test_rows_that_are_too_old_come_again_without_units(queue: UnitQueue) -> None:
    put(queue, *(str(number) for number in range(70)))
    rows = [queue.take(number) for number in range(70)]

    assert ids(rows[0] or b"") == ["0"]
    assert ids(queue.take(0) or b"") == []
    assert queue.take(69) == rows[69]


def test_leaving_ends_the_rows_of_a_source_that_waits(queue: UnitQueue) -> None:
    server = QueueServer(queue)
    found: list[bytes] = []
    source = threading.Thread(target=lambda: found.extend(rows_of(server.address)))
    source.start()
    put(queue, "a")

    server.close()
    source.join(10)

    assert not source.is_alive()
    assert list(rows_of(server.address)) == []


def test_nobody_gets_a_row_without_the_key(queue: UnitQueue, address: Address) -> None:
    put(queue, "a")
    queue.complete()

    with pytest.raises(Exception, match="digest"):
        list(rows_of(Address(address.name, b"guessed")))

    assert [ids(row) for row in rows_of(address)] == [["a"]]
