"""Steps of a stream beside each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from omnipipe.ledger.ahead import ahead


def test_the_next_item_is_made_while_this_one_is_in_use() -> None:
    is_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        is_made.set()
        yield 2

    with ahead(items()) as found:
        assert next(found) == 1
        assert is_made.wait(10)
        assert list(found) == [2]


def test_not_more_than_one_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    with ahead(items()) as found:
        for number in found:
            assert len(made) <= number + 2


def test_what_making_an_item_raises_is_raised_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with ahead(items()) as found:
        assert next(found) == 1
        with pytest.raises(ValueError, match="broken"):
            next(found)


def test_no_thread_is_left_to_the_garbage_collector() -> None:
    """Documents were written with one that was: a collection in the wrong moment hung the process for ever."""
    with ahead([1, 2, 3]) as found:
        assert next(found) == 1

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("omnipipe-ahead")]
