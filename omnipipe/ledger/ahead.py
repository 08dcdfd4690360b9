"""Steps of a stream that run beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """`items`, each made in a thread while the one before it is in use; what making one raises is raised here."""
    rest = iter(items)

    def some() -> list[Item]:
        return list(islice(rest, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="omnipipe-ahead") as thread:
        coming = thread.submit(some)
        while found := coming.result():
            coming = thread.submit(some)
            yield from found
