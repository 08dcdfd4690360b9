"""Tables between lines of a whole page: what was tried in vain does not keep those inside from being looked at."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import PROSE, cells, page, read, set_out, tables


def test_lines_over_the_whole_page_leave_time_for_the_tables_between_them() -> None:
    names = ["Apple", "Banana", "Cherry", "Damson", "Fig", "Grape", "Lemon"]
    rows = [["Sort", "Colour", "Place"], *([name, "green or so", f"{name} Hill"] for name in names)]
    lines: list[Line] = []
    rules = [(78 - 6 * k, y - 5 * k, 520 + 6 * k, y - 5 * k) for y in (784, 60) for k in range(5)]
    for k in range(3):
        top = 740 - 235 * k
        lines += [(80.0, top - 13 * i, 10.0, line) for i, line in enumerate((PROSE * 2)[:6])]
        lines += set_out(rows, [80, 240, 400], top=top - 92, pitch=13)

    layer = read(page(lines, rules))

    assert [cells(table) for table in tables(layer)] == [rows] * 3
