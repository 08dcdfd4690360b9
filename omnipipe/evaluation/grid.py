"""The tables of a markdown text as grids of cells, read as olmOCR's bench reads them: pipes and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omnipipe.evaluation.normal import normalise

_MOST_CELLS = 300_000
_RULE = frozenset("- :")
_RULE_OR_PIPE = frozenset("- :|")


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: rows of equal length, texts normalised.

    `column_headings` and `row_headings` are the headings said to stand over a column or beside a row.
    """

    rows: tuple[tuple[str, ...], ...]
    header_rows: frozenset[int] = frozenset()
    header_columns: frozenset[int] = frozenset()
    column_headings: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    row_headings: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def num_columns(self) -> int:
        return len(self.rows[0]) if self.rows else 0


def padded(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """`rows` with normalised cells, all as long as the longest; none of a table that no page can hold."""
    width = max(map(len, rows), default=0)
    if width * len(rows) > _MOST_CELLS:
        return ()
    return tuple((*map(normalise, row), *[""] * (width - len(row))) for row in rows)


def pipe_tables(markdown: str) -> list[Grid]:
    """Every run of two or more lines with a pipe in them. The first row and the first column are headings."""
    runs: list[list[str]] = [[]]
    for line in markdown.strip().split("\n"):
        if "|" in line:
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
    grids = (_pipe_table(run) for run in runs if len(run) >= 2)
    return [grid for grid in grids if grid is not None]


def _pipe_table(lines: Sequence[str]) -> Grid | None:
    rule = next((at for at, line in enumerate(lines) if _is_rule(line)), None)
    rows: list[list[str]] = []
    for at, line in enumerate(lines):
        if at == rule or (line.strip() and _RULE_OR_PIPE.issuperset(line)):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if cells and not cells[0]:
            cells = cells[1:]
        if cells and not cells[-1]:
            cells = cells[:-1]
        if cells:
            rows.append(cells)
    made = padded(rows)
    if not made:
        return None
    return Grid(
        rows=made,
        header_rows=frozenset({0}),
        header_columns=frozenset({0}),
        column_headings={at: (cell,) for at, cell in enumerate(made[0])},
        row_headings={at: (row[0],) for at, row in enumerate(made) if at > 0},
    )


def _is_rule(line: str) -> bool:
    content = line.replace("|", "").strip()
    return bool(content) and _RULE.issuperset(content)
