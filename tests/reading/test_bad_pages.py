"""Pages that no one should have made: read within the page's deadline, with flags, and without harm to others."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, radians, sin
from pathlib import Path

import pytest

from omnipipe.page import PageError
from omnipipe.reading.facts import LayerText, ReadOptions
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from tests.pdfs import Line, pdf_of_contents, text_content
from tests.tablekit import PROSE

LINES: list[Line] = [(72.0, 700.0 - 14 * i, 11.0, line) for i, line in enumerate(PROSE * 2)]
GOOD = text_content(LINES)
TURNED = "".join(
    f"BT /F1 10 Tf {cos(radians(37)):.4f} {sin(radians(37)):.4f} {-sin(radians(37)):.4f} {cos(radians(37)):.4f}"
    f" {100 + 8 * i} {300 - 11 * i} Tm ({line}) Tj ET\n"
    for i, line in enumerate(PROSE)
).encode()
BEYOND = text_content(
    [(x, y, 11.0, "beyond the page") for x in (-900.0, 700.0, 999999.0) for y in (-999999.0, 300.0, 850.0)]
)

PAGES = {
    "50,000 words": text_content([(10 + 6 * (i % 100), 785 - 1.55 * (i // 100), 1.5, f"w{i}") for i in range(50_000)]),
    "5,000 cells": text_content([(20 + 23 * (i % 25), 785 - 3.8 * (i // 25), 3.0, f"c{i}") for i in range(5000)]),
    "boxes outside": GOOD + b"\n" + BEYOND,
    "drawn ten times": text_content(LINES * 10),
    "white on white": GOOD + b"\n1 g\n" + text_content([(72.0, 300.0, 11.0, "white words")]),
    "nothing but white": b"1 g\n" + GOOD,
    "37 degrees": TURNED,
    "too small": text_content([(72.0 + 60 * (i % 8), 700 - 2 * (i // 8), 0.6, f"tiny{i}") for i in range(800)]),
}
FLAGS = {
    "boxes outside": {"text:hidden"},
    "drawn ten times": {"text:overdrawn"},
    "white on white": {"text:hidden"},
    "nothing but white": {"text:hidden"},
    "37 degrees": {"text:slanted"},
    "too small": {"text:tiny"},
}
TEXTS = {
    "50,000 words": ["w0", "w25000", "w49999"],
    "5,000 cells": ["c0", "c4999"],
    "37 degrees": PROSE,
    "too small": ["tiny0", "tiny799"],
} | dict.fromkeys(("boxes outside", "drawn ten times", "white on white"), PROSE)
LEFT_OUT = {"boxes outside": "beyond", "white on white": "white words", "nothing but white": "fox"}


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    reader = ReaderProcess(ReaderLimits(page_seconds=10))
    yield reader
    reader.close()


def layers(reader: ReaderProcess, file: Path, contents: list[bytes]) -> list[LayerText]:
    """The text layers of a file's pages; fails where a page has none or is an error, as one past its deadline is."""
    file.write_bytes(pdf_of_contents(contents))
    found = []
    for facts in reader.read_pages(str(file), list(range(len(contents))), ReadOptions()):
        assert not isinstance(facts, PageError), facts
        assert facts.layer is not None
        found.append(facts.layer)
    return found


@pytest.mark.parametrize("kind", PAGES)
def test_a_bad_page_is_read_in_time_with_flags_and_its_neighbours_as_ever(
    reader: ReaderProcess, tmp_path: Path, kind: str
) -> None:
    usual = layers(reader, tmp_path / "good.pdf", [GOOD, GOOD, GOOD])

    before, bad, after = layers(reader, tmp_path / "bad.pdf", [GOOD, PAGES[kind], GOOD])

    assert [before, after] == [usual[0], usual[2]]
    assert FLAGS.get(kind, set()) <= set(bad.flags)
    assert all(0 <= side <= 1 for block in bad.blocks for side in block[1] or ())
    read = " ".join(bad.text.split())
    assert all(text in read for text in TEXTS.get(kind, ()))
    assert LEFT_OUT.get(kind, "never drawn") not in read


def test_a_page_of_nothing_but_hidden_words_is_blank_and_says_why(reader: ReaderProcess, tmp_path: Path) -> None:
    (tmp_path / "white.pdf").write_bytes(pdf_of_contents([PAGES["nothing but white"]]))

    (facts,) = reader.read_pages(str(tmp_path / "white.pdf"), [0], ReadOptions())

    assert not isinstance(facts, PageError)
    assert (facts.is_blank, facts.has_text_layer) == (True, True)
    assert facts.layer is not None
    assert (facts.layer.text, facts.layer.flags) == ("", ("text:hidden",))
