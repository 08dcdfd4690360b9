"""The smallest and the largest of some numbers answer as numpy's own do."""

from __future__ import annotations

import numpy as np
import pytest

from omnipipe.text.extreme import largest, smallest


def test_they_are_those_of_numpy_in_the_type_of_the_numbers() -> None:
    values = np.random.default_rng(1).normal(size=50).astype(np.float32)

    assert (smallest(values), largest(values)) == (values.min(), values.max())
    assert smallest(values).dtype == np.float32


def test_what_is_no_number_passes_through() -> None:
    values = np.array([1.0, np.nan, 3.0])

    assert np.isnan(smallest(values))
    assert np.isnan(largest(values))


def test_of_no_numbers_there_is_none() -> None:
    with pytest.raises(ValueError, match="empty"):
        smallest(np.zeros(0))
