"""A family or an engine of another package that misbehaves costs the pages it misbehaves on, and says what it did."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from omnipipe.batch import RunOptions, run
from omnipipe.engines.echo import EchoConfig
from omnipipe.generation import GenerationParams
from omnipipe.ledger.verify import verify_run
from omnipipe.model import Completion, Request
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen import QwenText
from tests import pdfs
from tests.rows import column


class OwnFamily(QwenText):
    deadline: ClassVar[float] = 0.5
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


def _for_ever(page: Page) -> Page:
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


@pytest.mark.parametrize("verb", ["request", "parse"])
def test_a_family_that_never_comes_back_costs_one_page(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it held up the engine's loop, and with it every page of the run."""
    monkeypatch.setattr(OwnFamily, "act", staticmethod(_for_ever), raising=False)
    engine: EchoConfig = OwnConfig() if verb == "parse" else _NeverAskedConfig()
    (tmp_path / "a.pdf").write_bytes(pdfs.pdf_of_texts(["This page says a few words that one reads."] * 3))
    pipeline = Pipeline("p", (Read(text_layer=False), Render(), Extract(engine=engine)))

    summary = run(pipeline, tmp_path / "a.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert summary.statuses == {"ok": 2, "failed": 1}
    assert summary.error_codes == {"stage_timeout": 1}
    said = str(column(tmp_path / "out", "error_message")[1])
    assert f"{type(engine.family).__name__} took more than the 0.5 s it may" in said
    assert not [thread for thread in threading.enumerate() if thread.name == "omnipipe-aside" and _lives(thread)]
    assert verify_run(tmp_path / "out").ok


class _NeverAsks(QwenText):
    deadline: ClassVar[float] = 0.5

    def request(self, page: Page, params: GenerationParams, **asked: Any) -> Request:
        if page.index == 1:
            _for_ever(page)
        return super().request(page, params, **asked)


class _NeverAskedConfig(EchoConfig):
    family = _NeverAsks()
    reply: str | None = Field("It says a few words.")


def _lives(thread: threading.Thread) -> bool:
    thread.join(2.0)
    return thread.is_alive()
