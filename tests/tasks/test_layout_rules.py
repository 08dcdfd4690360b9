"""Lines that are printed on a page, found in its picture, and the heads that they part from the text."""

from __future__ import annotations

import numpy as np
import pytest

from omnipipe.tasks.layout_extraction.rules import find_rules
from omnipipe.text.running.margin_lines import Box, classify_margins

LINE = "the river carries its light slowly under every bridge and small stone"
BODY = [Box(LINE, 0.1, 0.12 + 0.02 * i, 0.9, 0.133 + 0.02 * i) for i in range(36)]
HEAD = Box("Rivers of the North", 0.4, 0.06, 0.6, 0.073)


def paper(*, shade: int = 0) -> np.ndarray:
    """A page with a rule of one pixel below its head, broken in one place, one at its foot and a line down."""
    picture = np.full((1000, 800), 240, np.uint8)
    picture[90, 80:400] = picture[90, 410:720] = shade
    picture[950, 80:720] = shade
    picture[300:400, 300] = shade
    return picture


@pytest.mark.parametrize("shade", [0, 150])
def test_rules_are_found_in_a_picture(shade: int) -> None:
    across, down = find_rules(paper(shade=shade))

    assert np.allclose(across, [[0.09, 0.08, 0.72], [0.95, 0.08, 0.72]], atol=0.002)
    assert np.allclose(down, [[0.3, 0.3, 0.4]], atol=0.002)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (60, 100)], ids=["nothing", "an area"])
def test_areas_are_no_rules(first: int, last: int) -> None:
    picture = np.full((1000, 800, 3), 240, np.uint8)
    picture[first:last, 80:720] = 30

    assert [len(lines) for lines in find_rules(picture)] == [0, 0]


def test_a_rule_parts_the_head_of_a_scan_from_its_text() -> None:
    lines = [HEAD, *BODY]

    with_rule = classify_margins(lines, aspect=0.8, rules=lambda: find_rules(paper()))
    without = classify_margins(lines, aspect=0.8)

    assert with_rule == ["header", *[None] * len(BODY)]
    assert without == [None] * len(lines)
