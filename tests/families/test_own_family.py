"""A family or an engine of another package that misbehaves costs the pages it misbehaves on, and says what it did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from omnipipe.batch import RunOptions, run
from omnipipe.engines.echo import EchoConfig
from omnipipe.ledger.verify import verify_run
from omnipipe.model import Completion
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen import QwenText
from tests import pdfs
from tests.rows import column


class OwnFamily(QwenText):
    act: ClassVar[Callable[[Page], Any]]

    def parse(self, page: Page, completion: Completion) -> Page:
        return type(self).act(page) if page.index == 1 else super().parse(page, completion)


class OwnConfig(EchoConfig):
    family = OwnFamily()
    reply: str | None = Field("It says a few words.")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (
            lambda page: page.with_(text="a", quality="good"),
            "OwnConfig set quality to 'good', which is not a number or",
        ),
        (lambda page: page.with_(text=b"a"), "OwnConfig set text to b'a', which is not text or None"),
        (lambda page: page.with_(text="a", uri="elsewhere"), "OwnConfig changed uri to 'elsewhere'"),
        (lambda page: page.with_(text="a", index=0), "OwnConfig returned another page than it was given"),
        (lambda page: None, "OwnConfig returned None for a page"),
        (lambda page: int(page.id[:1] + "x"), "OwnConfig raised ValueError: invalid literal for int()"),
        (
            lambda page: page.with_(text="a", prompt_tokens=2**80),
            "OwnConfig set prompt_tokens to 1208925819614629174706",
        ),
    ],
)
def test_what_a_family_gives_back_that_no_row_can_have_costs_one_page(
    act: Callable[[Page], Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OwnFamily, "act", staticmethod(act), raising=False)
    (tmp_path / "a.pdf").write_bytes(pdfs.pdf_of_texts(["This page says a few words that one reads."] * 3))
    pipeline = Pipeline("p", (Read(text_layer=False), Render(), Extract(engine=OwnConfig())))

    summary = run(pipeline, tmp_path / "a.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert summary.statuses == {"ok": 2, "failed": 1}
    assert summary.error_codes == {"stage_error": 1}
    assert said in str(column(tmp_path / "out", "error_message")[1])
    assert verify_run(tmp_path / "out").ok
