"""From what a user names to the documents behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from omnipipe.sources.source import Source


class Expansion(Iterator[Source]):
    """Sources, found while they are asked for. `num_left_out` counts files of folders that are no documents by name."""

    num_left_out: int = 0

    def __next__(self) -> Source:
        raise NotImplementedError


def expand(inputs: Sequence[str | Path], *, limit: int | None = None) -> Expansion:
    """The sources behind `inputs`, lazily, each uri once, at most `limit`.

    Raises:
        InputError: A named input does not exist, or nothing was found at all. Raised by this call, before the first
            source.
    """
    raise NotImplementedError
