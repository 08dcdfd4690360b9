"""Prints what a run made: python docs/show_run.py RUN"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.dataset as ds

COLUMNS = ["source_uri", "page_number", "status", "route", "word_count", "error_code", "text"]


def main(run: str) -> None:
    """One line a page, then the start of the text of one of them."""
    table = ds.dataset(Path(run) / "pages", format="parquet").to_table(columns=COLUMNS)
    rows = sorted(table.to_pylist(), key=lambda row: (Path(row["source_uri"]).name, row["page_number"]))
    print(f"\n{run}/pages holds {len(rows)} rows:\n")
    print(f"{'document':<16} {'page':>4}  {'status':<8} {'route':<10} {'words':>5}  starts with, or why it has no text")
    for row in rows:
        name = Path(row["source_uri"]).name
        start = " ".join((row["text"] or row["error_code"] or "").split())[:52]
        words = row["word_count"] if row["word_count"] is not None else "-"
        print(f"{name:<16} {row['page_number']:>4}  {row['status']:<8} {row['route']:<10} {words:>5}  {start}")
    print(f"\nMore: omnipipe verify {run}; omnipipe export {run} --to markdown -o out/markdown")


if __name__ == "__main__":
    main(sys.argv[1])
