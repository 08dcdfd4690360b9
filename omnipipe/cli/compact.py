"""`omnipipe compact`: few large files from a run's many small ones."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from omnipipe.cli import option
from omnipipe.cli.choice import local_folder

Output = Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="A new or empty folder outside of RUN.")]
RowsPerFile = Annotated[int, typer.Option(min=1, metavar="N", help="Pages a file holds at most.")]


def compact(
    run: option.RunDir, output: Output, rows_per_file: RowsPerFile = 500_000, as_json: option.Json = False
) -> None:
    """Write the pages of RUN as large Parquet files, a document's pages together and in order. RUN stays as it is."""
    from omnipipe.ledger.compact import compact_run
    from omnipipe.progress import counted

    report = compact_run(run, local_folder(output), rows_per_file=rows_per_file)
    if as_json:
        typer.echo(json.dumps({"paths": [str(path) for path in report.paths], "rows": report.num_rows}))
        return
    typer.echo(f"{counted(report.num_rows, 'row')} in {counted(len(report.paths), 'file')} in {output}.")
