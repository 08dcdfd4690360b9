"""Steps of a stream that run beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def ahead(items: Iterable[Item]) -> Iterator[Iterator[Item]]:
    """`items`, each made in a thread while the one before it is in use; what making one raises is raised here.

    A context, so that the thread ends with it: left to the garbage collector, it was joined wherever a collection came
    upon it, and hung where that was the start of another thread, which holds the lock that joining asks for.
    """
    rest = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="omnipipe-ahead") as thread:
        yield _found(thread, rest)


def _found(thread: ThreadPoolExecutor, rest: Iterator[Item]) -> Iterator[Item]:
    def some() -> list[Item]:
        return list(islice(rest, 1))

    coming = thread.submit(some)
    while found := coming.result():
        coming = thread.submit(some)
        yield from found
