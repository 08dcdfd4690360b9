"""Does a page's text pass a test? The verdicts are those of olmOCR's bench (0.4), computed our own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from omnipipe.evaluation.case import BaselineCase, Case, MathCase, OrderCase, TableCase, TextCase
from omnipipe.evaluation.formula import judge_formula
from omnipipe.evaluation.grid import Grid, pipe_tables
from omnipipe.evaluation.html_grid import html_tables
from omnipipe.evaluation.near import find_starts
from omnipipe.evaluation.normal import normalise
from omnipipe.evaluation.verdict import PASSED, Verdict, failed

__all__ = ["PageText", "Verdict", "judge"]

_LONGEST_LOOP = 5
_BEFORE = 20
# Scripts and signs that a page of the bench never has: Han, kana, emoji, flags.
_MADE_UP = re.compile(
    "[\u4e00-\u9fff\u3040-\u309f\u30a0-\u30ff"
    "\U0001f600-\U0001f64f\U0001f300-\U0001f5ff\U0001f680-\U0001f6ff\U0001f1e0-\U0001f1ff]"
)
_IMAGE = re.compile(r"!\[.*?\]\(.*?\)")
_SIDES = (("up", -1, 0), ("down", 1, 0), ("left", 0, -1), ("right", 0, 1))


class PageText:
    """A page's markdown, with what several tests need of it computed once."""

    def __init__(self, markdown: str) -> None:
        self.markdown = markdown

    @cached_property
    def normalised(self) -> str:
        return normalise(self.markdown)

    @cached_property
    def pipe_tables(self) -> list[Grid]:
        return pipe_tables(self.markdown)

    @cached_property
    def html_tables(self) -> list[Grid]:
        return html_tables(self.markdown)


def judge(case: Case, page: PageText) -> Verdict:
    """Whether `page` passes `case`, and why not; None where it takes a browser to tell (formulas)."""
    if isinstance(case, TextCase):
        return _judge_text(case, page)
    if isinstance(case, OrderCase):
        return _judge_order(case, page)
    if isinstance(case, TableCase):
        return _judge_table(case, page)
    if isinstance(case, BaselineCase):
        return _judge_baseline(case, page.markdown)
    assert isinstance(case, MathCase)
    return judge_formula(case, page.markdown)


def _judge_text(case: TextCase, page: PageText) -> Verdict:
    from rapidfuzz import fuzz

    wanted, text = normalise(case.text), page.normalised
    if not case.case_sensitive:
        wanted, text = wanted.lower(), text.lower()
    if case.first_n and case.last_n:
        text = text[: case.first_n] + text[-case.last_n :]
    elif case.first_n:
        text = text[: case.first_n]
    elif case.last_n:
        text = text[-case.last_n :]
    likeness = fuzz.partial_ratio(wanted, text) / 100.0
    is_there = likeness >= 1.0 - case.max_diffs / len(wanted)
    if is_there == (case.type == "present"):
        return PASSED
    return failed(f"{_short(wanted)} is there" if is_there else _nearest(wanted, text))


def _nearest(wanted: str, text: str) -> str:
    from rapidfuzz import fuzz

    place = fuzz.partial_ratio_alignment(wanted, text, score_cutoff=60)
    if place is None or len(text) < len(wanted):
        return f"{_short(wanted)} is not there, nor anything like it"
    found = text[place.dest_start : place.dest_end]
    # From a little before where they part: the whole can be long, and differ in one letter at its end.
    at = next((at for at, (one, other) in enumerate(zip(wanted, found, strict=False)) if one != other), len(found))
    start = max(0, at - _BEFORE)
    return f"{_short(wanted[start:])} is not there; the nearest is {_short(found[start:])}, {place.score:.1f} % alike"


def _judge_order(case: OrderCase, page: PageText) -> Verdict:
    before, after = normalise(case.before), normalise(case.after)
    first = find_starts(before, page.normalised, case.max_diffs)
    last = find_starts(after, page.normalised, case.max_diffs)
    if first is None or last is None:
        return failed(f"{_short(before if first is None else after)} is not there")
    return PASSED if first[0] < last[1] else failed(f"{_short(before)} is never before {_short(after)}")


def _judge_baseline(case: BaselineCase, markdown: str) -> Verdict:
    if case.max_length is not None:
        if case.max_length_skips_image_alt_tags:
            markdown = _IMAGE.sub("", markdown)
        length = sum(map(str.isalnum, markdown))
        if length <= case.max_length:
            return PASSED
        return failed(f"{length} letters and digits on a page that has at most {case.max_length}")
    if not any(map(str.isalnum, markdown)):
        return failed("the text has no letter and no digit")
    size, repeats = max(_ends_in_loops(markdown), key=lambda found: found[1])
    if repeats > case.max_repeats:
        return failed(f"the text ends with {size} characters {repeats} times over")
    found = _MADE_UP.search(markdown) if case.check_disallowed_characters else None
    return failed(f"the text has {found[0]!r}, which no page of this kind has") if found else PASSED


def _ends_in_loops(markdown: str) -> Iterator[tuple[int, int]]:
    """For each length of a loop in characters: how often the text's end is there, one after the other."""
    text = re.sub(r"\s+", " ", markdown)
    for size in range(1, _LONGEST_LOOP + 1):
        end, place, repeats = text[-size:], len(text) - size, 0
        while place >= 0 and text[place : place + size] == end:
            place -= size
            repeats += 1
        yield size, repeats


class _Cell(NamedTuple):
    grid: Grid
    row: int
    column: int


def _judge_table(case: TableCase, page: PageText) -> Verdict:
    pipes = [] if case.ignore_markdown_tables else page.pipe_tables
    grids = [*pipes, *page.html_tables]
    if not grids:
        return failed("there is no table")
    wanted = normalise(case.cell)
    reasons: list[str] = []
    for cell in _cells_like(wanted, grids, case.max_diffs):
        reason = next(_misses(case, cell), None)
        if reason is None:
            return PASSED
        reasons.append(reason)
    if not reasons:
        return failed(f"no cell says {_short(wanted)}")
    return failed(f"no cell {_short(wanted)} stands as it should: {'; '.join(dict.fromkeys(reasons))}"[:500])


def _cells_like(wanted: str, grids: list[Grid], max_diffs: int) -> Iterator[_Cell]:
    for grid in grids:
        for number, row in enumerate(grid.rows):
            for column, text in enumerate(row):
                if _is_like(wanted, text, max_diffs):
                    yield _Cell(grid, number, column)


def _misses(case: TableCase, cell: _Cell) -> Iterator[str]:
    """What is not as `case` says around one cell. Beyond the table's edge nothing is asked, as in the bench."""
    for name, down, right in _SIDES:
        wanted = normalise(getattr(case, name) or "")
        row, column = cell.row + down, cell.column + right
        if not wanted or not (0 <= row < len(cell.grid.rows) and 0 <= column < cell.grid.num_columns):
            continue
        found = cell.grid.rows[row][column]
        if not _is_like(wanted, found, case.max_diffs):
            yield f"{name} is {_short(found)}, not {_short(wanted)}"
    for name, headings, others in (
        ("top_heading", _top_headings(cell), (row[cell.column] for row in cell.grid.rows[: cell.row])),
        ("left_heading", _left_headings(cell), iter(cell.grid.rows[cell.row][: cell.column])),
    ):
        wanted = normalise(getattr(case, name) or "")
        if wanted and not _is_headed(wanted, list(headings), list(others), case.max_diffs):
            yield f"{name} is not {_short(wanted)}"


def _top_headings(cell: _Cell) -> Iterator[str]:
    grid = cell.grid
    above = (grid.rows[row][cell.column] for row in sorted(grid.header_rows) if row < cell.row)
    return chain(grid.column_headings.get(cell.column, ()), above)


def _left_headings(cell: _Cell) -> Iterator[str]:
    grid = cell.grid
    beside = (grid.rows[cell.row][column] for column in sorted(grid.header_columns) if column < cell.column)
    return chain(grid.row_headings.get(cell.row, ()), beside)


def _is_headed(wanted: str, headings: list[str], others: list[str], max_diffs: int) -> bool:
    """Any heading counts; the other cells on that side only where no heading has a letter in common with `wanted`."""
    from rapidfuzz import fuzz

    if any(_is_like(wanted, heading, max_diffs) for heading in headings):
        return True
    if any(fuzz.ratio(wanted, heading) > 0 for heading in headings):
        return False
    return any(_is_like(wanted, other, max_diffs) for other in others)


def _is_like(wanted: str, found: str, max_diffs: int) -> bool:
    """Alike by the share of letters in common, at least a half."""
    from rapidfuzz import fuzz

    return fuzz.ratio(wanted, found) / 100.0 >= max(0.5, 1.0 - max_diffs / max(1, len(wanted)))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
