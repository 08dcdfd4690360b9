"""Whether a page need be asked for its lines before its first and last rows are told."""

from __future__ import annotations

import random

import numpy as np

from omnipipe.text.lines.rulings import Rulings
from omnipipe.text.running.edges import Band, Edges, Margins, OuterRow
from omnipipe.text.running.ruled import MAX_REACH, may_be_ruled, num_ruled

EM = 0.0125


def some_edges(chance: random.Random) -> Edges:
    """The edges of a page with some bands at its foot."""
    bands, reach = [], chance.uniform(0.03, 0.1)
    for _ in range(chance.randint(0, 3)):
        rows = []
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            end, text = chance.choice((0.4, 0.88)), chance.choice(("River Office", "Table 3. Rivers", "A Handbook"))
            texts = (text,) if chance.random() < 0.8 else (text, "Part Two")
            rows.append(OuterRow((0,), texts, (), 1 - reach, reach, chance.choice((0.9, 1.0, 1.4)) * EM, 0.1, end))
            reach += 1.2 * EM
        white = chance.choice((0.5, 1.0, 2.0))
        bands.append(Band(tuple(rows), white, chance.random() < 0.2))
        reach += white * EM
    return Edges((), tuple(bands), Margins(()), EM, 0.1, (0.1, 0.9), 40)


def test_pages_that_are_not_asked_have_no_ruled_rows() -> None:
    """Whatever lines they draw; and many pages are not asked."""
    chance = random.Random(7)
    num_asked = num_found = 0
    for _ in range(400):
        edges = some_edges(chance)
        most = chance.choice((MAX_REACH, 0.19))
        is_asked = may_be_ruled(edges, most, is_foot=True)
        num_asked += is_asked
        for place in np.linspace(0.0, 0.2, 60):
            lines = np.array([[1 - place, 0.09, 0.91]], np.float32)
            num = num_ruled(edges, Rulings(lines, np.zeros((0, 3), np.float32)), most, is_foot=True)
            num_found += num > 0
            assert is_asked or num == 0

    assert num_found > 100
    assert num_asked < 300
