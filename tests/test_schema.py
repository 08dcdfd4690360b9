"""Pages as Arrow tables: what the columns hold, and that counting words fast counts what `split` does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnipipe.page import Block, Line, Page
from omnipipe.schema import PAGES, num_words, pages_table

_PAGE = Page(doc_id="d", uri="a.pdf", index=0, count=3)


def _rows(pages: list[Page]) -> list[dict[str, object]]:
    table = pages_table(pages, config_hash="c", run_id="r", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert table.schema == PAGES
    table.validate(full=True)
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \n\t\x1c\x85\xa0\u2003\u2028\u3000ab"))))
@example("")
@example(" a")
@example("a\u3000b")
def test_words_are_counted_as_split_counts_them(text: str) -> None:
    assert num_words(text) == len(text.split())


def test_every_unicode_space_separates_words() -> None:
    spaces = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]

    assert [num_words(f"a{space}b") for space in spaces] == [2] * len(spaces)


def test_a_table_holds_what_the_pages_hold() -> None:
    block = Block("title", (0.0, 0.25, 0.5, 1.0), 3, 1, "Two words")
    line = Line("Two words", (0.0, 0.25, 0.5, 1.0), 0.5)
    read = _PAGE.with_(status="ok", text="Two words", blocks=(block,), lines=(line,), flags=("x",))
    lost = _PAGE.with_(index=1).failed("corrupt", "no")

    one, two = _rows([read, lost])

    assert one["page_id"] == "d#0"
    assert one["word_count"] == 2
    assert one["blocks"] == [
        {
            "id": "b3",
            "type": "title",
            "bbox": [0.0, 0.25, 0.5, 1.0],
            "order": 3,
            "level": 1,
            "text": "Two words",
            "html": None,
            "confidence": None,
            "source": None,
        }
    ]
    assert one["lines"] == [{"text": "Two words", "bbox": [0.0, 0.25, 0.5, 1.0], "confidence": 0.5}]
    assert (one["flags"], one["run_id"], one["config_hash"]) == (["x"], "r", "c")
    assert (two["status"], two["error_code"], two["text"], two["word_count"]) == ("failed", "corrupt", None, None)
    assert (two["page_number"], two["blocks"], two["lines"]) == (2, [], [])


def test_boxes_may_be_unknown_for_some_or_all_blocks() -> None:
    known = Block("text", (0.0, 0.0, 1.0, 1.0), 0, None, "a")
    unknown = Block("text", None, 1, None, "b")

    mixed, none = _rows([_PAGE.with_(blocks=(known, unknown)), _PAGE.with_(blocks=(unknown,))])

    assert [block["bbox"] for block in mixed["blocks"]] == [[0.0, 0.0, 1.0, 1.0], None]  # type: ignore[attr-defined]
    assert [block["bbox"] for block in none["blocks"]] == [None]  # type: ignore[attr-defined]


def test_no_list_has_a_fixed_size() -> None:
    """Up to version 25 pyarrow refuses a Parquet file in which a list of a fixed size is null."""

    def kinds(kind: pa.DataType) -> Iterator[pa.DataType]:
        yield kind
        for at in range(kind.num_fields):
            yield from kinds(kind.field(at).type)

    found = [kind for field in PAGES for kind in kinds(field.type)]
    assert any(pa.types.is_list(kind) for kind in found)
    assert not any(pa.types.is_fixed_size_list(kind) for kind in found)


def test_no_pages_are_an_empty_table() -> None:
    assert _rows([]) == []


def test_a_page_has_no_fields_but_its_own() -> None:
    with pytest.raises(TypeError, match="'colour'"):
        _PAGE.with_(colour="red")
