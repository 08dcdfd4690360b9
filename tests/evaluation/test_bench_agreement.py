"""Our verdicts are those of olmOCR's bench: on recorded pages, and on fresh and graded ones where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omnipipe.evaluation.case import CASE_TYPES
from omnipipe.evaluation.judge import PageText, judge
from tests.evaluation.bench_inputs import FIXTURE, Input, make_inputs, original_verdicts


@pytest.fixture(scope="module")
def original() -> str:
    """A Python that has olmocr; an environment of its own, since olmocr asks for more than we want installed."""
    python = os.environ.get("OLMOCR_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", "import olmocr.bench.tests"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip("olmocr is not installed: OLMOCR_PYTHON may name the Python of an environment that has it")
    return python


def ours(markdown: str, test: dict[str, object]) -> bool | None:
    return judge(CASE_TYPES[str(test["type"])].model_validate(test), PageText(markdown)).passed


@pytest.mark.parametrize("kind", ["present", "absent", "order", "table", "baseline"])
def test_recorded_verdicts_of_the_bench_are_ours_too(kind: str) -> None:
    recorded = json.loads(FIXTURE.read_text(encoding="utf-8"))
    chosen = [entry for entry in recorded if entry[1]["type"] == kind]

    differing = [(test, verdict) for markdown, test, verdict in chosen if ours(markdown, test) != verdict]

    assert differing == []
    assert {verdict for _, _, verdict in chosen} == {True, False}


def test_fresh_verdicts_of_the_bench_are_ours_too(original: str) -> None:
    inputs = make_inputs(seed=7, count=1000)
    verdicts = original_verdicts(original, inputs)

    differing = [
        (markdown, test, verdict)
        for (markdown, test), verdict in zip(inputs, verdicts, strict=True)
        if verdict is not None and ours(markdown, test) != verdict
    ]

    assert differing == []


def test_a_tag_with_the_sign_of_another_in_it_is_one_tag() -> None:
    """As to the bench: a tag's name ends at white space, a slash or its end."""
    markdown = "<table><tr><th>some</th><th>text</t<h><th rowspan=2>more</th></tr></table>"

    assert ours(markdown, {"pdf": "a.pdf", "page": 1, "id": "a", "type": "table", "cell": "some", "right": "textmore"})


def _shuffled(text: str) -> str:
    return "\n\n".join(sorted(text.split("\n\n")))


TEXTS: dict[str, Callable[[str], str]] = {
    "as read": lambda text: text,
    "one line": lambda text: " ".join(text.split()),
    "blocks in another order": _shuffled,
    "every tenth letter lost": lambda text: "".join(letter for at, letter in enumerate(text) if at % 10 != 5),
    "lower case": str.lower,
    "upside down": lambda text: "\n".join(reversed(text.splitlines())),
    "nothing": lambda text: "",
    "a table of lines": lambda text: "\n".join(f"| {line.replace('  ', ' | ')} | 1 |" for line in text.splitlines()),
    "an HTML table of words": lambda text: "<table><tr><th>" + "</td><td>".join(text.split()) + "</table>",
}


@pytest.mark.parametrize("change", TEXTS.values(), ids=TEXTS)
def test_graded_pages_get_the_verdicts_of_the_bench(
    original: str, graded: list[Input], change: Callable[[str], str]
) -> None:
    inputs = [(change(markdown), test) for markdown, test in graded]

    verdicts = original_verdicts(original, inputs)

    assert [ours(*entry) for entry in inputs] == verdicts


@pytest.fixture(scope="module")
def graded(shared: Path) -> list[Input]:
    """The tests of the graded set but those of formulas, each with its page's text layer."""
    from omnipipe.document import Document

    folder = shared / "corpus" / "graded"
    lines = (folder / "tests.jsonl").read_text(encoding="utf-8").splitlines()
    tests = [test for line in lines if (test := json.loads(line))["type"] != "math"]
    texts: dict[str, str] = {}
    for name in {test["pdf"] for test in tests}:
        with Document(folder / name) as document:
            texts[name] = document.get_page_text(0)
    return [(texts[test["pdf"]], test) for test in tests]
