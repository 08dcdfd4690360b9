"""Heads above a rule and feet below one: pages that are read alone."""

from __future__ import annotations

import pytest

from tests.pdfs import Line, pdf_of_contents, text_content
from tests.text.running.test_running_heads import prose, read, running

Box = tuple[float, float, float, float]
"""Left, bottom, width and height of a line or a bar that is filled."""

HEAD: list[Line] = [(270.0, 716.0, 10.0, "Rivers of the North")]
FOOT: list[Line] = [(72.0, 72.0, 10.0, "River Office"), (430.0, 72.0, 10.0, "Assessment of Waters")]
OVER, UNDER = (72.0, 712.0, 470.0, 0.5), (72.0, 86.0, 470.0, 0.5)


def page(lines: list[Line], boxes: list[Box]) -> bytes:
    """A page with some lines of prose, `lines` and `boxes`."""
    drawn = b"\n".join(b"%g %g %g %g re f" % box for box in boxes)
    body = [line for line in prose(1, top=695, rows=42) if line[1] > 95]
    return pdf_of_contents([text_content([*lines, *body]) + b"\n" + drawn])


@pytest.mark.parametrize(
    ("lines", "rule", "texts"),
    [
        (HEAD, OVER, ["Rivers of the North"]),
        ([*HEAD, (280.0, 727.0, 10.0, "A Handbook of")], OVER, ["A Handbook of", "Rivers of the North"]),
        (FOOT, UNDER, ["River Office Assessment of Waters"]),
        (
            [*FOOT, (72.0, 60.0, 10.0, "Public"), (480.0, 60.0, 10.0, "Part Two")],
            UNDER,
            ["River Office Assessment of Waters", "Public Part Two"],
        ),
    ],
)
def test_a_rule_over_the_width_of_the_text_parts_heads_and_feet(lines: list[Line], rule: Box, texts: list[str]) -> None:
    layer = read(page(lines, [rule]))

    assert [text for _, text in running(layer)] == texts


@pytest.mark.parametrize(
    ("lines", "boxes"),
    [
        pytest.param(HEAD, [], id="no rule"),
        pytest.param(HEAD, [(72.0, 712.0, 200.0, 0.5)], id="a short rule"),
        pytest.param(HEAD, [OVER, (72.0, 600.0, 470.0, 0.5)], id="the rules of a table"),
        pytest.param(HEAD, [(72.0, 730.0, 470.0, 0.5), OVER], id="between two rules"),
        pytest.param(HEAD, [OVER, (72.0, 400.0, 0.5, 312.0)], id="a frame"),
        pytest.param([(270.0, 716.0, 14.0, "Rivers of the North")], [OVER], id="a heading in large type"),
        pytest.param([(72.0, 716.0, 10.0, "Table 2: Rivers of the North")], [OVER], id="a caption"),
        pytest.param([(72.0, 72.0, 10.0, "2 See the rivers of the north.")], [UNDER], id="a footnote"),
        pytest.param([*HEAD, (72.0, 748.0, 8.0, "River Papers, Vol. 3, No. 4")], [OVER], id="a heading under a head"),
    ],
)
def test_rules_of_other_kinds_part_no_heads(lines: list[Line], boxes: list[Box]) -> None:
    layer = read(page(lines, boxes))

    assert lines[0][3] in layer.text


def test_the_only_entry_of_a_list_below_a_rule_is_text() -> None:
    entry: list[Line] = [(72.0, 676.0, 10.0, "List of rivers"), (530.0, 676.0, 10.0, "23")]
    drawn = b"%g %g %g %g re f" % OVER

    layer = read(pdf_of_contents([text_content([*HEAD, *entry]) + b"\n" + drawn]))

    assert running(layer) == [("header", "Rivers of the North")]
    assert layer.text == "List of rivers 23"


@pytest.mark.parametrize(
    "lines",
    [
        [(459.0, 716.0, 10.0, "1. Introduction")],
        [(72.0, 716.0, 10.0, "1.2. Sources"), (491.0, 716.0, 10.0, "RIVERS")],
    ],
)
def test_a_numbered_title_at_the_right_or_at_both_ends_above_a_rule_is_a_head(lines: list[Line]) -> None:
    layer = read(page(lines, [OVER]))

    assert [text for _, text in running(layer)] == [" ".join(line[3] for line in lines)]


def test_a_numbered_heading_at_the_left_above_a_rule_stays() -> None:
    layer = read(page([(72.0, 716.0, 10.0, "1. Introduction")], [OVER]))

    assert running(layer) == []
