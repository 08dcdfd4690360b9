"""Bold and italic fonts by their names."""

from __future__ import annotations

import pytest

from tests.tablekit import read
from tests.text.test_structure import PROSE, lines, pdf


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CMSSBX10", "**lamps**"),
        ("ABCDEF+SFSX1000", "**lamps**"),
        ("ecbx1000", "**lamps**"),
        ("LinBiolinumTB", "**lamps**"),
        ("LinLibertineOZ", "**lamps**"),
        ("LinLibertineTI", "*lamps*"),
        ("Frutiger-Bd", "**lamps**"),
        ("AdvOTa1.B", "**lamps**"),
        ("LinLibertineT", "lamps"),
        ("Abdon-Book", "lamps"),
    ],
)
def test_a_font_is_bold_or_italic_by_its_name(name: str, expected: str) -> None:
    texts = [
        *lines(PROSE, 700),
        (72.0, 640.0, 10.0, 0, "The tall"),
        (112.0, 640.0, 10.0, 1, "lamps"),
        (143.0, 640.0, 10.0, 0, "burn."),
    ]
    data = pdf(texts)
    padded = name.encode().ljust(len("Helvetica-Bold"))

    layer = read(data.replace(b"/Helvetica-Bold", b"/" + padded[: len("Helvetica-Bold")]))

    assert f"The tall {expected} burn." in layer.text
