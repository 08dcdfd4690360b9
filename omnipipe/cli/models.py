"""`omnipipe models`: every family of models, its checkpoints and licences, its backends, and the picture it wants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from omnipipe.cli import option
from omnipipe.cli.backends import configs
from omnipipe.tasks.model_file import FETCH, MODEL_FILES, ModelFile

if TYPE_CHECKING:
    from omnipipe.engines.base import EngineConfig
    from omnipipe.model import Checkpoint, ModelFamily
    from omnipipe.reading.facts import RenderPolicy


def models(as_json: option.Json = False) -> None:
    """Show every family of models: checkpoints, sizes, licences, backends, its picture; and the small models."""
    listed = families()
    if as_json:
        plain = {"families": [_plain(family, kinds) for family, kinds in listed], "small": [*map(_small, MODEL_FILES)]}
        typer.echo(json.dumps(plain, indent=2))
        return
    for family, kinds in listed:
        typer.echo(f"{family.label} ({family.name})")
        for checkpoint in family.checkpoints:
            typer.echo(f"  {checkpoint.model:<48}  {size(checkpoint):>7}  {checkpoint.licence}")
        typer.echo(f"  backends: {', '.join(f'{kind.engine} ({name})' for name, kind in kinds)}")
        typer.echo(f"  picture: {picture(family.picture)}; formats: {', '.join(family.output_formats)}\n")
    typer.echo("Any other checkpoint of a family: --config CONFIG --model ID|FOLDER\n")
    typer.echo("Small models, on the CPU")
    for model in MODEL_FILES:
        where = "here" if model.find() else f"not here: {FETCH}"
        typer.echo(
            f"  {model.requirement:<48}  {model.num_bytes / 1e6:>4.1f} MB  {model.licence}  {model.does}; {where}"
        )


def families() -> list[tuple[ModelFamily, list[tuple[str, type[EngineConfig]]]]]:
    """Every family with its configs, by name; those that packages add come last."""
    listed: dict[str, tuple[ModelFamily, list[tuple[str, type[EngineConfig]]]]] = {}
    for name, kind in configs():
        family = getattr(kind, "family", None)
        if family is not None:
            listed.setdefault(family.name, (family, []))[1].append((name, kind))
    return list(listed.values())


def size(checkpoint: Checkpoint) -> str:
    """Parameters, such as 8.8B or 256M."""
    billions = checkpoint.billions
    return f"{billions:g}B" if billions >= 1 else f"{billions * 1000:g}M"


def picture(policy: RenderPolicy) -> str:
    """The picture of a page that a family wants, in words."""
    said = [f"{policy.dpi:g} dpi"]
    if policy.longest_side:
        said.append(f"longest side {policy.longest_side} px")
    if policy.max_pixels:
        said.append(f"at most {policy.max_pixels / 1e6:.1f} Mpx")
    if policy.multiple_of > 1:
        said.append(f"sides in multiples of {policy.multiple_of} px")
    return ", ".join([*said, policy.format.upper()])


def _small(model: ModelFile) -> dict[str, object]:
    return {"name": model.name, "package": model.requirement, "licence": model.licence, "here": bool(model.find())}


def _plain(family: ModelFamily, kinds: Sequence[tuple[str, type[EngineConfig]]]) -> dict[str, object]:
    return {
        "name": family.name,
        "label": family.label,
        "checkpoints": [checkpoint._asdict() for checkpoint in family.checkpoints],
        "configs": [{"name": name, "backend": kind.engine} for name, kind in kinds],
        "picture": asdict(family.picture),
        "output_formats": list(family.output_formats),
        "trust_remote_code": family.trust_remote_code,
    }
