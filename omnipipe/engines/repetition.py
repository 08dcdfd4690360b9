"""When an answer loops: the same few tokens again and again at its end."""

from __future__ import annotations

from collections.abc import Sequence

MAX_PATTERN_TOKENS = 64
MIN_COUNT = 32
"""Wide tables repeat a cell some twenty times, and rows of dots as often; a model that loops never stops."""


def is_looping(tokens: Sequence[int]) -> bool:
    """Whether `tokens` end with up to `MAX_PATTERN_TOKENS` tokens that came `MIN_COUNT` times in a row."""
    for size in range(1, min(MAX_PATTERN_TOKENS, len(tokens) // MIN_COUNT) + 1):
        length = size * MIN_COUNT
        # Most sizes are ruled out by one comparison, without copying anything.
        if tokens[-1] != tokens[-1 - size]:
            continue
        if tokens[-length:-size] == tokens[-length + size :]:
            return True
    return False
