"""Headings of sections in the size of the text, whose words are set in several types."""

from __future__ import annotations

import pytest

from tests.text.test_structure import PROSE, Text, lines, read


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param([(72, 1, "2.9.1 Option"), (142, 3, "plmath")], "#### 2.9.1 Option plmath", id="bold, then code"),
        pytest.param([(72, 0, "2.9.1 Option"), (142, 3, "plmath")], None, id="not bold"),
        pytest.param([(72, 1, "2.9.1"), (102, 0, "Every ship is in its port")], None, id="only its number bold"),
        pytest.param([(72, 1, "2 Option"), (142, 3, "plmath")], None, id="of one number"),
    ],
)
def test_numbered_heading_in_bold_and_other_type(head: list[tuple[int, int, str]], expected: str | None) -> None:
    texts: list[Text] = [
        *lines(PROSE, 700),
        *[(float(x), 630.0, 10.0, font, text) for x, font, text in head],
        *lines(PROSE, 606),
    ]

    found = [line for line in read(texts).text.splitlines() if line.startswith("#")]

    assert found == ([expected] if expected else [])
