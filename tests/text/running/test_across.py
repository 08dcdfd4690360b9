"""Watermarks that run across the lines of a page, in any direction and size."""

from __future__ import annotations

import math

import pytest

from tests.pdfs import pdf_of_contents, text_content
from tests.text.running.test_running_heads import prose, read, running


def turned(text: str, x: float, y: float, size: float, degrees: float) -> bytes:
    """A line that starts at `x` and `y` and runs `degrees` counter-clockwise."""
    cos, sin = round(math.cos(math.radians(degrees)), 5), round(math.sin(math.radians(degrees)), 5)
    return b"BT /F1 %g Tf %g %g %g %g %g %g Tm (%s) Tj ET\n" % (size, cos, sin, -sin, cos, x, y, text.encode())


@pytest.mark.parametrize(
    ("text", "size", "degrees"),
    [
        ("CONFIDENTIAL", 60, 45),
        ("SAMPLE COPY", 20, 45),
        ("For review only, not to be passed on to others", 30, 50),
        ("reader@rivers.example", 12, 30),
        ("DRAFT", 100, 90),
    ],
)
def test_words_that_run_across_the_lines_are_a_watermark(text: str, size: float, degrees: float) -> None:
    layer = read(pdf_of_contents([text_content(prose(2)) + b"\n" + turned(text, 250, 200, size, degrees)]))

    assert running(layer) == [("watermark", text)]
    assert text not in layer.text


@pytest.mark.parametrize("degrees", [45, 90])
def test_slanted_words_beside_the_lines_stay(degrees: float) -> None:
    label = turned("Depth of the river", 250, 160, 20, degrees)

    layer = read(pdf_of_contents([text_content(prose(2, rows=20)) + b"\n" + label]))

    assert running(layer) == []
    assert "Depth of the river" in layer.text
