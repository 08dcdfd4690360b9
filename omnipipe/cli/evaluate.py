"""`omnipipe eval`: what a run, or any tool's markdown, is worth by tests and by true texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from omnipipe.cli import option
from omnipipe.errors import InputError

Source = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|MARKDOWN",
        help="The output directory of omnipipe run, or a folder of NAME_pgN.md (page N from 1) or NAME.md.",
    ),
]
Tests = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE|DIR", help="olmOCR-bench tests, .jsonl; may be given more than once, one category each."
    ),
]
TruthFile = Annotated[
    Path | None, typer.Option("--truth", metavar="FILE", help="True texts, .jsonl, for character and word error rates.")
]
AddBaseline = Annotated[
    bool,
    typer.Option(
        "--add-baseline", help="A baseline test for every document that has none, as olmOCR's bench adds them."
    ),
]
KeepHeaders = Annotated[
    bool,
    typer.Option(
        "--keep-headers",
        help="Compare true texts with running heads and page numbers as well, which a run keeps as blocks.",
    ),
]
Html = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a report with texts, failed tests and pictures of the pages.")
]
Documents = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where the documents lie, for pictures; otherwise beside the tests.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Decides the draws of the 95 % intervals.")]


def evaluate(
    source: Source,
    tests: Tests = None,
    truth: TruthFile = None,
    add_baseline: AddBaseline = False,
    keep_headers: KeepHeaders = False,
    html: Html = None,
    documents: Documents = None,
    seed: Seed = 0,
    as_json: option.Json = False,
) -> None:
    """Judge the pages in RUN by tests, and compare them with true texts.

    A test whose page is not there has failed. Formulas that would have to be set in a browser to tell are not judged.
    """
    if not tests and truth is None:
        raise InputError("eval needs something to judge by. Add --tests tests.jsonl or --truth truth.jsonl.")
    if documents is not None and not documents.is_dir():
        raise InputError(f"--documents {documents} is no folder. Name the one that the paths in the tests begin in.")
    if documents is not None and html is None:
        raise InputError("--documents is for the pictures of a report. Add --html report.html, or leave it out.")
    from omnipipe.evaluation import summary
    from omnipipe.evaluation.evaluate import evaluate as evaluated
    from omnipipe.evaluation.jsonl import load_cases, load_truths

    cases = load_cases(tests or [], with_baseline=add_baseline)
    truths = load_truths(truth) if truth is not None else []
    evaluation = evaluated(source, cases, truths, seed=seed, keep_headers=keep_headers)
    if html is not None:
        from omnipipe.evaluation.html_report import write_html

        beside = [path if path.is_dir() else path.parent for path in [*(tests or []), *([truth] if truth else [])]]
        write_html(evaluation, html, [documents] if documents is not None else beside)
    typer.echo(json.dumps(summary.to_plain(evaluation), ensure_ascii=False) if as_json else summary.to_text(evaluation))
