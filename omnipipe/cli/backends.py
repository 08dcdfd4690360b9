"""`omnipipe backends`: every engine, whether it would work here, the command that fixes it, and what it can do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import typer

from omnipipe.cli import option

if TYPE_CHECKING:
    from omnipipe.engines.base import EngineConfig
    from omnipipe.engines.registry import Backend

_LABELS = {
    "lora": "LoRA adapters",
    "quantization_4bit": "4-bit quantization",
    "quantization_8bit": "8-bit quantization",
    "gguf": "GGUF files",
    "vision": "vision models",
    "cpu": "works on a CPU",
    "structured_output": "structured output (JSON schema, regex)",
    "logprobs": "log probabilities",
    "repetition_stop": "stops answers that loop",
}


def backends(as_json: option.Json = False) -> None:
    """Show every engine: ready or not, the command that fixes it, what it can do, and the configs that use it."""
    from omnipipe.engines.registry import backends as listed

    found = listed()
    if as_json:
        plain = {"backends": [_plain(entry) for entry in found], "presets": dict(presets())}
        typer.echo(json.dumps(plain, indent=2))
        return
    width = max(len(entry.name) for entry in found)
    for entry in found:
        typer.echo(f"{entry.name:<{width}}  {entry.readiness.state:<13}  {entry.readiness.detail}")
        if entry.readiness.fix:
            typer.echo(f"{'':<{width}}  {'':<13}  -> {entry.readiness.fix}")
    typer.echo("\nServers that api is set up for, as --backend NAME:")
    for name, summary in presets():
        typer.echo(f"  {name}: {summary}")
    for line in _columns(capability_rows(found)):
        typer.echo(line)
    typer.echo("\nConfigs, the class that chooses family and backend:")
    for name, kind in configs():
        typer.echo(f"  {name}: {about(kind)}")


def capability_rows(found: Sequence[Backend]) -> list[list[str]]:
    """What each engine can do: a head with the engines' names, then a row a capability, `yes` or `-`."""
    from omnipipe.engines.base import Capabilities

    able = [(entry.name, entry.config.capabilities) for entry in found if entry.config is not None]
    rows = [["", *(name for name, _ in able)]]
    for field in fields(Capabilities):
        label = _LABELS.get(field.name, field.name.replace("_", " "))
        rows.append([label, *("yes" if getattr(can, field.name) else "-" for _, can in able)])
    return rows


def presets() -> list[tuple[str, str]]:
    """The names of servers that the api engine is set up for, and what each is."""
    from omnipipe.engines.registry import PRESETS, find_engine

    return [(name, about(find_engine(name))) for name in PRESETS]


def configs() -> list[tuple[str, type[EngineConfig]]]:
    """Every pair of family and backend that can be loaded, by the name of its class; those for tests are left out."""
    from omnipipe.engines.registry import is_hidden
    from omnipipe.errors import ConfigError
    from omnipipe.tasks.text_extraction.registry import config_names, find_config

    listed = []
    for name in config_names():
        try:
            kind = find_config(name)
        except ConfigError:
            continue
        if not is_hidden(kind.engine):
            listed.append((name, kind))
    return listed


def about(kind: type[EngineConfig]) -> str:
    """The first line of the class's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    first = max(len(row[0]) for row in rows)
    widths = [max(len(row[column]) for row in rows) for column in range(1, len(rows[0]))]
    yield ""
    for row in rows:
        cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row[1:], widths, strict=True))
        yield f"{row[0]:<{first}}  {cells}".rstrip()


def _plain(entry: Backend) -> dict[str, object]:
    plain: dict[str, object] = {"name": entry.name, **entry.readiness._asdict()}
    if entry.config is not None:
        plain["label"] = entry.config.label
        plain["capabilities"] = asdict(entry.config.capabilities)
        plain["supports"] = sorted(entry.config.supports)
        plain["configs"] = {name: about(kind) for name, kind in configs() if kind.engine == entry.config.engine}
    return plain
