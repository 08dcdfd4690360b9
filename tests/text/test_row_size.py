"""Lines of a paragraph whose formulas make them higher, or smaller on average, than their words."""

from __future__ import annotations

import pytest

from tests.text.test_structure import Text, read

_TOP = "The running time of this method for an input of any length that has"
_LOW = "of its entries other than zero is a little better than the time before."


@pytest.mark.parametrize(
    ("start", "is_one"),
    [
        pytest.param(72.0, True, id="at the margin"),
        pytest.param(120.0, False, id="set in the middle"),
    ],
)
def test_a_line_with_small_signs_goes_on_from_the_line_above(start: float, is_one: bool) -> None:
    signs = [(start + 112 + 11 * k, 690.0, 4.0, 0, "nmkjt") for k in range(3)]
    texts: list[Text] = [
        (72.0, 702.0, 10.0, 0, _TOP),
        (start, 688.0, 10.0, 0, "Only a few of them nmk"),
        *signs,
        (start + 148, 688.0, 10.0, 0, "are ever met"),
        (72.0, 674.0, 10.0, 0, _LOW),
    ]

    first = read(texts).text.split("\n")[0]

    assert first.startswith(f"{_TOP} Only a few") is is_one
