"""`omnipipe verify`: the proof, from the files alone, that every page is there once."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from omnipipe.cli import option

_SHOWN = 50

Slowest = Annotated[
    int, typer.Option(min=0, metavar="N", help="Also name the N pages that took longest, with their pixels and words.")
]


def verify(run: option.RunDir, as_json: option.Json = False, slowest: Slowest = 0) -> None:
    """Prove from the files alone that RUN was finished and has every page exactly once. Exit code 1 if not."""
    from omnipipe.cli.slowest import find_slowest
    from omnipipe.ledger.verify import verify_run
    from omnipipe.progress import counted

    report = verify_run(run)
    slow = find_slowest(report.run_dir, slowest) if slowest else []
    if as_json:
        plain = {
            "ok": report.ok,
            "run_dir": str(report.run_dir),
            "pages_in": report.pages_in,
            "documents": report.num_documents,
            "units": report.num_units,
            **report.counts.to_plain(),
            "problems": report.problems,
            "notes": report.notes,
            **({"slowest": [page._asdict() for page in slow]} if slowest else {}),
        }
        typer.echo(json.dumps(plain))
    else:
        for note in report.notes:
            typer.echo(f"note: {note}")
        for problem in report.problems[:_SHOWN]:
            typer.echo(f"wrong: {problem}")
        if len(report.problems) > _SHOWN:
            typer.echo(f"wrong: {len(report.problems) - _SHOWN} more; --json lists them all")
        statuses = ", ".join(f"{count:,} {status}" for status, count in sorted(report.counts.statuses.items()))
        wrong = "one thing is wrong" if len(report.problems) == 1 else f"{len(report.problems)} things are wrong"
        verdict = "every page is there once" if report.ok else wrong
        typer.echo(
            f"{report.run_dir}: {verdict}. {counted(report.num_documents, 'document')}, "
            f"{counted(report.pages_in, 'page')} in {counted(report.num_units, 'file')}: {statuses or 'none'}."
        )
        for page in slow:
            typer.echo(str(page))
    if not report.ok:
        raise typer.Exit(1)
