"""Cells over several rows of a ruled table."""

from __future__ import annotations

from tests.tablekit import Rule, cells, page, read, set_out, tables


def test_a_text_of_many_lines_may_stand_beside_two_rows() -> None:
    text = [
        "The count of the last turn: most",
        "and least significant byte. It is",
        "the time between two pulses, and",
        "what the speed is told by, where",
        "the fan gives two of them a turn.",
        "Both bytes are read together, the",
        "upper one before the lower one.",
    ]
    lines = [(80.0, 704.0, 10.0, "Bits"), (140.0, 704.0, 10.0, "Name"), (240.0, 704.0, 10.0, "Description")]
    lines += [(80.0, 686.0, 10.0, "7:0"), (140.0, 686.0, 10.0, "TACH0")]
    lines += [(80.0, 638.0, 10.0, "15:8"), (140.0, 638.0, 10.0, "TACH1")]
    lines += [(240.0, 686.0 - 12 * i, 10.0, line) for i, line in enumerate(text)]
    below = [[f"{k}:{k - 1}", f"LIMIT{k}", "Never written"] for k in range(2, 8)]
    lines += set_out(below, [80, 140, 240], top=594)
    rules: list[Rule] = [(x, 716.0, x, 498.0) for x in (78, 138, 238, 418)]
    rules += [(78, y, 418, y) for y in (716, 698, *range(606, 490, -18))] + [(78, 650, 238, 650)]

    block = tables(read(page(lines, rules)))[0]

    assert cells(block) == [
        ["Bits", "Name", "Description"],
        ["7:0", "TACH0", " ".join(text)],
        ["15:8", "TACH1"],
        *below,
    ]
