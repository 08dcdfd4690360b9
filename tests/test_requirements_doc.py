"""docs/requirements.md: every promise has a state, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from omnipipe.page import Page
from omnipipe.schema import pages_table

ROOT = Path(__file__).resolve().parent.parent
STATES = {"met", "met differently", "refused", "open"}


class Row(NamedTuple):
    id: str
    state: str
    where: str
    note: str


def rows() -> list[Row]:
    page = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| ((?:OD|OU|EM)-\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", page, flags=re.MULTILINE)
    return [Row(*(cell.strip() for cell in cells)) for cells in found]


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_promise_has_exactly_one_state(shared: Path) -> None:
    promised = re.findall(r"^\| ((?:OD|OU|EM)-\d+) \|", (shared / "REQUIREMENTS.md").read_text(), flags=re.MULTILINE)

    assert sorted(row.id for row in rows()) == sorted(promised)


def test_every_row_is_complete() -> None:
    listed = rows()
    wrong = [
        row.id
        for row in listed
        if row.state not in STATES
        or not row.where
        or (row.state == "met differently" and not row.note)
        or (row.state == "open" and "issue" not in row.where)
    ]

    assert len(listed) == len({row.id for row in listed}) > 100
    assert wrong == []


def test_every_named_test_exists() -> None:
    missing = []
    for row in rows():
        if not row.state.startswith("met"):
            continue
        named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", row.where)
        missing += [f"{row.id}: {file}::{test}" for file, test in named if not (ROOT / file).exists()]
        missing += [
            f"{row.id}: {file}::{test}" for file, test in named if (ROOT / file).exists() and test not in names_in(file)
        ]
        if not named:
            missing.append(f"{row.id} names no test")

    assert missing == []


def test_a_row_counts_pages_from_zero_and_from_one() -> None:
    page = Page(doc_id="d", uri="a.pdf", index=6, count=9, status="ok", text="two words")

    table = pages_table([page], config_hash="c", run_id="r", created_at=datetime.now(UTC))

    wanted = {"page_index": 6, "page_number": 7, "source_uri": "a.pdf", "word_count": 2, "text": "two words"}
    assert {name: table[name][0].as_py() for name in wanted} == wanted
