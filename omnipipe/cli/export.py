"""`omnipipe export`: a run's documents in the form that other tools read."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from omnipipe.cli import option
from omnipipe.cli.choice import local_folder


class ExportFormat(StrEnum):
    """What a run can be exported to."""

    markdown = "markdown"
    jsonl = "jsonl"
    text = "text"


To = Annotated[
    ExportFormat,
    typer.Option(
        "--to",
        metavar="markdown|jsonl|text",
        help="markdown, text: a file per document in folders like the sources'; jsonl: Dolma.",
    ),
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="DIR|FILE", help="A folder; for jsonl also FILE.jsonl, .jsonl.gz or .zst."),
]
Status = Annotated[str | None, typer.Option(metavar="LIST", help="Only pages of these statuses, such as ok,fallback.")]
MinQuality = Annotated[
    float | None, typer.Option(min=0, max=1, metavar="Q", help="Leave out pages of a known quality below Q (0 to 1).")
]
FrontMatter = Annotated[bool, typer.Option("--front-matter", help="Markdown begins with a YAML head: source, pages.")]
Source = Annotated[str, typer.Option(metavar="NAME", help="What jsonl says in its field 'source'.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write into a folder, or over a file, that has more.")]


def export(
    run: option.RunDir,
    to: To,
    output: Output,
    status: Status = None,
    min_quality: MinQuality = None,
    front_matter: FrontMatter = False,
    source: Source = "omnipipe",
    overwrite: Overwrite = False,
    as_json: option.Json = False,
) -> None:
    """Write the documents of RUN as markdown, text or JSON lines. Documents without any text are left out."""
    from omnipipe.export.run import ExportOptions, export_run, parse_statuses
    from omnipipe.progress import counted

    options = ExportOptions(
        format=to.value,
        statuses=parse_statuses(status),
        min_quality=min_quality,
        front_matter=front_matter,
        source=source,
        overwrite=overwrite,
    )
    summary = export_run(run, local_folder(output), options)
    for warning in summary.warnings:
        typer.echo(f"omnipipe: warning: {warning}", err=True)
    if as_json:
        typer.echo(json.dumps(asdict(summary), default=str))
        return
    left_out = f"; {summary.num_left_out} without any text left out" if summary.num_left_out else ""
    written = f"{counted(summary.num_documents, 'document')}, {counted(summary.num_pages, 'page')}"
    typer.echo(f"{written} in {summary.output}{left_out}.", err=True)
