"""`omnipipe run`: documents in, one committed row per page out."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import os
from dataclasses import asdict, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from omnipipe.cli import engine, option
from omnipipe.cli.choice import choose_pipeline, parse_concurrency, read_passwords
from omnipipe.cli.engine_option import EngineOptions, takes_engine_options
from omnipipe.cli.sigterm import sigterm_as_ctrl_c
from omnipipe.errors import ConfigError
from omnipipe.ledger.heap import share_one_arena

if TYPE_CHECKING:
    from omnipipe.batch import RunSummary
    from omnipipe.pipeline import Pipeline


class ProgressChoice(StrEnum):
    """How a run says how far it is."""

    auto = "auto"
    bar = "bar"
    plain = "plain"
    json = "json"
    quiet = "quiet"


class RunnerChoice(StrEnum):
    """Where the work is done."""

    ray = "ray"
    local = "local"


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUTS",
        help="Documents, folders, globs, s3:// and gs:// uris, manifests (.txt, .jsonl, .parquet), or - for paths "
        "on stdin.",
    ),
]
# A text and not a path: Path would make s3:/bucket of s3://bucket, and a folder of that.
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="DIR", envvar="OMNIPIPE_OUTPUT", help="Run directory; a run there goes on."),
]
Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", envvar="OMNIPIPE_ADDRESS", help="A Ray cluster; wins over RAY_ADDRESS."),
]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", envvar="OMNIPIPE_LIMIT", help="At most N documents of the inputs.")
]
MaxPages = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", envvar="OMNIPIPE_MAX_PAGES", help="Read N pages of a document, skip the rest."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Empty the run directory first.")]
Retry = Annotated[
    str | None,
    typer.Option(
        metavar="STATUS[:CODE],...",
        help="Compute pages anew that ended so: failed, fallback, skipped, failed:worker_died.",
    ),
]
MaxFailed = Annotated[
    str | None,
    typer.Option(
        metavar="N|SHARE",
        envvar="OMNIPIPE_MAX_FAILED",
        help="Exit code 1 if more pages failed than this number (20) or share (5%). Without it any number may.",
    ),
]
Concurrency = Annotated[
    str | None,
    typer.Option(
        metavar="MIN:MAX",
        envvar="OMNIPIPE_CONCURRENCY",
        help="Bounds of the number of workers; without it as many as the cores and engines have room for.",
    ),
]
ProgressMode = Annotated[
    ProgressChoice,
    typer.Option(
        "--progress",
        metavar="auto|bar|plain|json|quiet",
        envvar="OMNIPIPE_PROGRESS",
        help="auto: a bar on a terminal, plain lines elsewhere.",
    ),
]
Runner = Annotated[
    RunnerChoice,
    typer.Option(
        metavar="ray|local", envvar="OMNIPIPE_RUNNER", help="local: one process, without Ray; for small inputs."
    ),
]
Served = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="OMNIPIPE_SERVED",
        help="Ask the engines of this application of omnipipe serve on --address, after its live requests.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors; same as --progress quiet.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done, on stderr.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        envvar="OMNIPIPE_STRICT",
        help="Warnings end in exit code 1; parameters that the engine lacks in 2, before anything starts.",
    ),
]


@takes_engine_options
def run(
    inputs: Inputs,
    output: Output,
    pipeline: option.PipelineName = "default",
    address: Address = None,
    pages: option.Pages = None,
    limit: Limit = None,
    max_pages: MaxPages = None,
    password: option.Passwords = None,
    password_file: option.PasswordFile = None,
    ocr: option.Ocr = None,
    lang: option.Lang = None,
    layout: option.Layout = None,
    force_ocr: option.ForceOcr = False,
    keep_headers: option.KeepHeaders = False,
    fresh: Fresh = False,
    retry: Retry = None,
    max_failed: MaxFailed = None,
    concurrency: Concurrency = None,
    progress: ProgressMode = ProgressChoice.auto,
    runner: Runner = RunnerChoice.ray,
    served: Served = None,
    as_json: option.Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    strict: Strict = False,
    *,
    engine_options: EngineOptions,
) -> None:
    """Read documents into RUN/pages, one row per page. The same command again does only what is missing."""
    # What can be wrong on the command line is checked before the libraries load.
    named = engine.pipeline_name(pipeline, engine_options)
    chosen = choose_pipeline(named, ocr=ocr, lang=lang, layout=layout, force_ocr=force_ocr, keep_headers=keep_headers)
    chosen = engine.with_options(chosen, engine_options)
    passwords = read_passwords(password, password_file)
    bounds = parse_concurrency(concurrency)
    _prepare(runner, verbose=verbose)
    from omnipipe import batch
    from omnipipe.progress import Progress

    is_here = _runs_here(runner, address, served)
    _check_models(chosen, engine_options, strict=strict, is_here=is_here)
    options = batch.RunOptions(
        runner=runner.value,
        address=address,
        served=served,
        concurrency=bounds,
        pages=pages,
        limit=limit,
        max_pages=max_pages,
        passwords=passwords,
        fresh=fresh,
        retry=retry,
        max_failed=max_failed,
    )
    shown = Progress("quiet" if quiet else progress.value)
    with sigterm_as_ctrl_c():
        summary = batch.run(chosen, inputs, output, options, progress=shown)
    _report(summary, as_json=as_json, strict=strict, is_told=shown.is_for_people)


def _runs_here(runner: RunnerChoice, address: str | None, served: str | None) -> bool:
    is_here = runner is RunnerChoice.local or not (address or os.environ.get("RAY_ADDRESS"))
    if served is not None and is_here:
        raise ConfigError(f"--served {served} is on a Ray cluster. Add its --address HOST:PORT.")
    return is_here


def _check_models(pipeline: Pipeline, options: EngineOptions, *, strict: bool, is_here: bool) -> None:
    engine.check_engines(pipeline, options, strict=strict, here=is_here)
    if is_here:
        check_ocr(pipeline)


def _prepare(runner: RunnerChoice, *, verbose: bool) -> None:
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if runner is RunnerChoice.ray:
        # The threads of a driver are Ray's, and wait; with `local` the work itself is done in this process.
        share_one_arena()
    else:
        # Native code of a stage may take this process down: a line of where it was, as Ray's workers say it.
        with contextlib.suppress(OSError):
            faulthandler.enable(all_threads=False)


def check_ocr(pipeline: Pipeline) -> None:
    """See that OCR engines and layout models are there, where the workers will run on this machine: Ray's start takes
    seconds.

    Raises:
        MissingExtraError: One is not; the message has the command.
    """
    from omnipipe.stages.layout import Layout
    from omnipipe.stages.ocr import Ocr
    from omnipipe.worker import Worker

    engines = tuple(stage for stage in pipeline.stages if isinstance(stage, (Ocr, Layout)))
    with Worker(replace(pipeline, stages=engines)):
        pass


def _report(summary: RunSummary, *, as_json: bool, strict: bool, is_told: bool) -> None:
    for warning in () if is_told else summary.warnings:
        typer.echo(f"omnipipe: warning: {warning}", err=True)
    if as_json:
        typer.echo(json.dumps(asdict(summary), default=str))
    if strict and summary.warnings:
        raise typer.Exit(1)
