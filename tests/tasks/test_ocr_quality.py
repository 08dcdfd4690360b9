"""The quality of a page read by OCR: between 0 and 1, never rising with doubt, unknown without text."""

from __future__ import annotations

from itertools import pairwise

import pytest

from omnipipe.tasks.ocr_extraction.lines import FoundLine
from omnipipe.tasks.ocr_extraction.quality import quality_by_confidence, quality_by_doubt

CORNERS = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))


def _page(doubtful: int) -> list[FoundLine]:
    return [FoundLine("x" * 100, 0.9, CORNERS, doubtful)] * 2


def test_quality_falls_as_doubt_grows() -> None:
    qualities = [quality_by_doubt(_page(doubtful)) or 0.0 for doubtful in range(101)]

    assert all(0 <= more <= less < 1 for less, more in pairwise(qualities))
    assert qualities[1] > 0.995
    assert qualities[-1] == 0


def test_quality_falls_with_the_confidence_of_tesseract() -> None:
    qualities = [quality_by_confidence(percent / 100) or 0.0 for percent in range(101)]

    assert all(0 <= less <= more < 1 for less, more in pairwise(qualities))
    assert qualities[0] == pytest.approx(0)


def test_pages_without_text_have_no_quality() -> None:
    assert quality_by_doubt([]) is None
    assert quality_by_confidence(None) is None
