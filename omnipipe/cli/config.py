"""`omnipipe config`: the settings of a pipeline as they are in effect, and the schema of all settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from omnipipe.cli import engine, option
from omnipipe.cli.choice import choose_pipeline
from omnipipe.cli.engine_option import EngineOptions, takes_engine_options

if TYPE_CHECKING:
    from omnipipe.stages.base import Stage

app = typer.Typer(help="Show the settings of pipelines.", rich_markup_mode=None, no_args_is_help=True)


@app.command("show")
@takes_engine_options
def show(
    pipeline: option.PipelineName = "default",
    ocr: option.Ocr = None,
    layout: option.Layout = None,
    force_ocr: option.ForceOcr = False,
    keep_headers: option.KeepHeaders = False,
    as_json: option.Json = False,
    *,
    engine_options: EngineOptions,
) -> None:
    """Print a pipeline with every setting, those that are defaults too, as a pipeline file."""
    import yaml

    named = engine.pipeline_name(pipeline, engine_options)
    chosen = choose_pipeline(named, ocr=ocr, layout=layout, force_ocr=force_ocr, keep_headers=keep_headers)
    chosen = engine.with_options(chosen, engine_options)
    stages = [{_name(type(stage)): _settings(stage)} for stage in chosen.stages]
    plain = {"name": chosen.name, "stages": stages}
    if as_json:
        typer.echo(json.dumps({**plain, "config_hash": chosen.config_hash}))
        return
    typer.echo(f"# config hash {chosen.config_hash}")
    typer.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


@app.command("schema")
def schema(
    config: Annotated[
        str | None, typer.Argument(metavar="[CONFIG]", help="Only the settings of this config, as QwenTextVLLMConfig.")
    ] = None,
) -> None:
    """Print the JSON schema of pipeline files with every stage and engine that is installed, or of one config."""
    from omnipipe.cli.engine_schema import config_schema
    from omnipipe.tasks.text_extraction.registry import find_config

    definitions: dict[str, object] = {}
    shape = _pipeline_schema(definitions) if config is None else config_schema(find_config(config), definitions)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape, "$defs": definitions}
    typer.echo(json.dumps(whole, indent=2))


def _pipeline_schema(definitions: dict[str, object]) -> dict[str, object]:
    from omnipipe.cli.engine_schema import engine_schema, hoisted
    from omnipipe.stages.extract import Extract
    from omnipipe.stages.registry import find_stage, stage_names

    stages: dict[str, object] = {}
    for name in stage_names():
        stage = find_stage(name)
        if stage is None:
            continue
        shape = hoisted(stage.model_json_schema(), definitions)
        if issubclass(stage, Extract):
            shape["properties"]["engine"] = engine_schema(definitions)
        stages[name] = {"anyOf": [shape, {"type": "null"}]}
    definitions.pop("EngineConfig", None)
    entry = {
        "type": "object",
        "properties": stages,
        "patternProperties": {":": {"description": "a stage of one's own: MODULE:CLASS or FILE.py:CLASS"}},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {
        "title": "omnipipe pipeline",
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "stages": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, entry]}},
        },
        "required": ["stages"],
        "additionalProperties": False,
    }


@app.command("list")
def list_() -> None:
    """Print the names of the shipped pipelines and of the stages that pipeline files may use."""
    from omnipipe.pipeline_file import shipped_pipelines
    from omnipipe.stages.registry import stage_names

    typer.echo(f"pipelines: {', '.join(shipped_pipelines())}")
    typer.echo(f"stages: {', '.join(stage_names())}")


def _settings(stage: Stage) -> dict[str, object]:
    from omnipipe.engines.base import EngineConfig

    plain = stage.model_dump(mode="json")
    for name in type(stage).model_fields:
        value = getattr(stage, name)
        if isinstance(value, EngineConfig):
            # Which class it is stands in no field of it.
            plain[name] = {"config": type(value).__name__, **value.model_dump(mode="json")}
    return plain


def _name(stage: type[Stage]) -> str:
    from omnipipe.stages.registry import built_in_name
    from omnipipe.user_module import modules_by_value

    files = {module.__name__: module.__file__ for module in modules_by_value()}
    file = files.get(stage.__module__)
    return f"{file}:{stage.__qualname__}" if file else built_in_name(stage)
