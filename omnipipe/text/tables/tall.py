"""Cells over several rows of a table, whose text stands between two lines of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnipipe.text.tables.rows import Band


def with_tall_cells(bands: list[Band], full: list[Band], usual: float) -> list[Band]:
    """Lines between two rows, in columns where both are empty, made part of them: cells over several rows."""
    out: list[Band] = []
    k = -1
    for band in bands:
        if k + 1 < len(full) and band is full[k + 1]:
            k += 1
        elif 0 <= k < len(full) - 1 and full[k + 1].bottom - full[k].bottom <= 1.25 * usual:
            columns = band.columns
            over, under = band.bottom - full[k].bottom, full[k + 1].bottom - band.bottom
            if min(over, under) < 0.35 * max(over, under):
                (full[k] if over < under else full[k + 1]).add(band, keep=True)
                continue
            if not columns & (full[k].columns | full[k + 1].columns):
                first, last = _reach(full, k, columns, usual)
                for c in columns:
                    full[first].tall[c] = last - first
                full[first].add(band, keep=True)
                continue
        out.append(band)
    return out


def _reach(full: list[Band], k: int, columns: set[int], usual: float) -> tuple[int, int]:
    """The first and last row of a cell that stands between rows `k` and `k + 1`."""
    first, last = k, k + 1
    while first > 0 and last + 1 < len(full):
        if columns & (full[first - 1].columns | full[last + 1].columns):
            break
        if full[last + 1].bottom - full[first - 1].bottom > 1.25 * usual * (last - first + 2):
            break
        first, last = first - 1, last + 1
    return first, last
