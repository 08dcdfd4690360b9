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

    found = ahead(items())
    assert next(found) == 1
    assert is_made.wait(10)
    assert list(found) == [2]


def test_not_more_than_one_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    for number in ahead(items()):
        assert len(made) <= number + 2


def test_what_making_an_item_raises_is_raised_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)
