"""`SourceTable`: which document lives where, as uris come, change and share their bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.sourcetable import SourceTable
from tests.ledgerkit import record


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=10))
@settings(max_examples=20, deadline=None)
def test_a_document_lives_at_the_uris_that_have_its_bytes_now(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str]]
) -> None:
    layout = RunLayout(tmp_path_factory.mktemp("run"))
    for folder in (layout.sources, layout.tmp):
        folder.mkdir()
    table = SourceTable(layout)
    homes: dict[str, dict[str, None]] = {}
    for uri, body in found:
        known = record(uri, 1, body=body)
        for doc_id, uris in list(homes.items()):
            if doc_id != known.doc_id and uri in uris:
                del uris[uri]
                if not uris:
                    del homes[doc_id]
        homes.setdefault(known.doc_id, {})[uri] = None

        table.add([known])

    for asked in (table, SourceTable(layout)):
        assert list(asked.doc_ids()) == list(homes)
        for doc_id, uris in homes.items():
            assert [known.uri for known in asked.records(doc_id)] == list(uris)
            first = asked.first(doc_id)
            assert first is not None
            assert first.uri == next(iter(uris))
