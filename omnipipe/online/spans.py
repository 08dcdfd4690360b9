"""Arithmetic on spans of pages: (start, stop), from 0, the stop exclusive, ascending and apart from each other."""

from __future__ import annotations

from collections.abc import Container, Iterable

Span = tuple[int, int]


def num_pages(spans: Iterable[Span]) -> int:
    """Pages in all spans."""
    return sum(stop - start for start, stop in spans)


def first_of(spans: Iterable[Span], count: int) -> list[Span]:
    """The first `count` pages."""
    return cut(spans, count)[0]


def cut(spans: Iterable[Span], count: int) -> tuple[list[Span], list[Span]]:
    """The first `count` pages, and the others."""
    first: list[Span] = []
    rest: list[Span] = []
    left = count
    for start, stop in spans:
        middle = min(start + left, stop)
        left -= middle - start
        if start < middle:
            first.append((start, middle))
        if middle < stop:
            rest.append((middle, stop))
    return first, rest


def without(spans: Iterable[Span], done: Container[int]) -> list[Span]:
    """The pages of `spans` that are not in `done`."""
    left: list[Span] = []
    for start, stop in spans:
        for index in range(start, stop):
            if index in done:
                continue
            if left and left[-1][1] == index and left[-1][0] >= start:
                left[-1] = (left[-1][0], index + 1)
            else:
                left.append((index, index + 1))
    return left
