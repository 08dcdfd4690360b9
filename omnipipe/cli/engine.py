"""From what a command line says of the engine to the config that it means, checked before any page is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from omnipipe.cli.engine_option import ENGINE_NAMES, EngineOptions
from omnipipe.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from omnipipe.engines.base import EngineConfig
    from omnipipe.pipeline import Pipeline

MODEL_PIPELINE = "vlm"
"""What a command line runs that names an engine and no pipeline."""

_SETTINGS = sorted(ENGINE_NAMES - {"backend", "config", "preset", "engine_arg"})


def pipeline_name(given: str, options: EngineOptions) -> str:
    """The pipeline that is meant: `given`, or the model's where only an engine is named."""
    return MODEL_PIPELINE if options.names_engine and "pipeline" not in options.meant else given


def with_options(pipeline: Pipeline, options: EngineOptions) -> Pipeline:
    """`pipeline` with the engine that `options` mean; as it is where they say nothing of engines.

    Raises:
        ConfigError: The options do not fit the pipeline or its engine.
    """
    if not options.meant & ENGINE_NAMES:
        return pipeline
    engines = pipeline.engines
    if not engines and not options.names_engine:
        # A variable of the environment is for the pipelines that ask a model; these do not.
        _checked_backend(options)
        return pipeline
    if len(engines) > 1:
        names = ", ".join(config.model for config in engines)
        raise ConfigError(
            f"pipeline {pipeline.name!r} asks several models ({names}): an option cannot say which one is meant. "
            "Change their settings in the pipeline's file."
        )
    return with_engine(pipeline, build_engine_config(options, engines[0] if engines else None))


def with_engine(pipeline: Pipeline, config: EngineConfig) -> Pipeline:
    """`pipeline` with `config` as the engine of every stage that asks a model.

    Raises:
        ConfigError: No stage does.
    """
    from omnipipe.cli.choice import changed_stage
    from omnipipe.stages.extract import Extract

    if not pipeline.engines:
        raise ConfigError(f"pipeline {pipeline.name!r} asks no model. Use -p vlm, or leave the engine's options out.")
    stages = tuple(
        changed_stage(stage, {"engine": config}) if isinstance(stage, Extract) else stage for stage in pipeline.stages
    )
    return replace(pipeline, stages=stages)


def build_engine_config(options: EngineOptions, current: EngineConfig | None = None) -> EngineConfig:
    """The config that `options` mean, where `current` is what the pipeline has.

    With another backend the same family keeps its `model`, if the pipeline names one, and its generation parameters:
    all other settings are of one engine.

    Raises:
        ConfigError: The config has no such setting, or a value is wrong.
    """
    backend = _checked_backend(options)
    kind = _config_class(backend, options, current)
    kept = _preset(backend, kind, options)
    if current is not None and type(current) is kind:
        kept = {**{name: getattr(current, name) for name in current.model_fields_set}, **kept}
    elif current is not None and options.config is None:
        kept |= {name: getattr(current, name) for name in {"model", "generation"} & current.model_fields_set}
    if options.preset is not None:
        kept |= _low_memory(kind, kept)
    return _built(kind, kept, _changes(kind, options))


def check_engines(pipeline: Pipeline, options: EngineOptions, *, strict: bool, here: bool = True) -> None:
    """See that every engine of `pipeline` can be had, and name on stderr the parameters that it lacks.

    `here`: the engines run on this machine, so that what is missing here is missing.

    Raises:
        UserError: One cannot, or under `strict` there was something to name.
    """
    from omnipipe.generation import find_unsupported, weigh

    if options.ignore_backend_warnings and strict and "ignore_backend_warnings" in options.said:
        raise ConfigError("--strict and --ignore-backend-warnings exclude each other. Leave one of them out.")
    if options.offline:
        # For this process and the workers that it starts: the API engine and the libraries' downloads look there.
        os.environ.update({"OMNIPIPE_OFFLINE": "1", "HF_HUB_OFFLINE": "1"})
    for config in pipeline.engines:
        note = getattr(config, "privacy_note", None)
        if here or note:
            config.check()
        if note:
            typer.echo(f"omnipipe: {note}", err=True)
        lacking = find_unsupported(
            config.generation,
            config.supports,
            config.label,
            stops_repetition=config.capabilities.repetition_stop,
        )
        for warning in weigh(lacking, strict=strict, ignore=options.ignore_backend_warnings):
            typer.echo(f"omnipipe: WARNING: {warning}", err=True)


def _config_class(backend: str | None, options: EngineOptions, current: EngineConfig | None) -> type[EngineConfig]:
    from omnipipe.tasks.text_extraction.registry import find_config

    if options.config is not None:
        found = find_config(options.config)
        if backend in (None, "auto") or _engine_of(backend) == found.engine or "backend" not in options.said:
            return found
        if "config" in options.said:
            raise ConfigError(
                f"--backend {backend}: {found.__name__} is for {found.engine}. Leave one of the two options out."
            )
        return _pair(backend, found)
    if current is None:
        raise ConfigError("no model is named. Use -p vlm, or --config with one of: omnipipe models.")
    if backend is None or _engine_of(backend) == current.engine:
        return type(current)
    return _pair(backend, type(current))


def _engine_of(backend: str) -> str:
    """The engine that is behind the name: presets are the api engine's."""
    from omnipipe.engines.registry import PRESETS

    return "api" if backend in PRESETS else backend


def _preset(backend: str | None, kind: type[EngineConfig], options: EngineOptions) -> dict[str, Any]:
    """What the preset called `backend` sets; nothing where it is an engine."""
    from omnipipe.engines.registry import PRESETS, find_engine

    if backend is None or backend not in PRESETS or kind.engine != "api":
        return {}
    settings: dict[str, Any] = {}
    for name, field in find_engine(backend).model_fields.items():
        if not field.is_required():
            if field.default != kind.model_fields[name].default and name != "model":
                settings[name] = field.default
        elif name == "base_url" and options.base_url is None:
            raise ConfigError(f"--backend {backend} needs the server's address. Add --base-url URL.")
    return settings


def _low_memory(kind: type[EngineConfig], kept: Mapping[str, Any]) -> dict[str, Any]:
    from omnipipe.engines.presets import LOW_MEMORY, LOW_MEMORY_MAX_TOKENS

    settings = {name: value for name, value in LOW_MEMORY.items() if name in kind.model_fields}
    default = kind.model_fields["generation"].get_default(call_default_factory=True, validated_data={})
    generation = kept.get("generation", default)
    max_tokens = min(generation.max_tokens, LOW_MEMORY_MAX_TOKENS)
    return {**settings, "generation": generation.with_(max_tokens=max_tokens)}


def _pair(backend: str, current: type[EngineConfig]) -> type[EngineConfig]:
    from omnipipe.cli.backends import configs
    from omnipipe.engines.choice import choose_backend, require_extra, this_machine
    from omnipipe.engines.registry import find_engine

    family = current.family
    known: dict[str, type[EngineConfig]] = {}
    for _, kind in configs():
        if getattr(kind, "family", None) is not None and kind.family.name == family.name:
            # The first of an engine: presets for servers come after it.
            known.setdefault(kind.engine, kind)
    if backend == "auto":
        backend, reason = choose_backend(this_machine(), known)
        typer.echo(f"omnipipe: backend {reason}", err=True)
    backend_engine = _engine_of(backend)
    if backend_engine not in known:
        raise ConfigError(f"--backend {backend}: {family.label} has no config for it. It has: {', '.join(known)}.")
    require_extra(backend, find_engine(backend).probe())
    return current if backend_engine == current.engine else known[backend_engine]


def _checked_backend(options: EngineOptions) -> str | None:
    from omnipipe.engines.choice import VARIABLES, checked_backend

    if options.backend is None:
        return None
    where = "--backend" if "backend" in options.said else next(name for name in VARIABLES if os.environ.get(name))
    return checked_backend(options.backend, where)


def _changes(kind: type[EngineConfig], options: EngineOptions) -> dict[str, Any]:
    from omnipipe.engines.spelling import with_our_names
    from omnipipe.generation import ALIASES, known_names

    given: dict[str, Any] = {name: value for name in _SETTINGS if (value := getattr(options, name)) is not None}
    flags = {name: f"--{name.replace('_', '-')}" for name in given}
    for argument in options.engine_arg or ():
        name, value = _engine_arg(argument)
        if name in given:
            raise ConfigError(f"{name} is given twice, as {flags[name]} and --engine-arg. Leave one of them out.")
        given[name], flags[name] = value, f"--engine-arg {name}"
    try:
        plain = with_our_names(_nested(given), kind.model_fields, kind.label)
    except ValueError as error:
        raise ConfigError(f"{error}.") from error
    changes: dict[str, Any] = {}
    for name, value in plain.items():
        if name in kind.model_fields:
            changes[name] = value
        elif name in known_names():
            changes.setdefault("generation", {})[ALIASES.get(name, name)] = value
        elif "engine_args" in kind.model_fields and f"--engine-arg {name}" in flags.values():
            changes.setdefault("engine_args", {})[name] = value
        else:
            raise ConfigError(_no_such_setting(flags.get(name, f"--engine-arg {name}"), name, kind))
    return changes


def _engine_arg(argument: str) -> tuple[str, Any]:
    import yaml

    name, equals, text = argument.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    if not name or not equals:
        raise ConfigError(f"--engine-arg {argument[:80]!r} is not NAME=VALUE. Write --engine-arg max_model_len=4096.")
    try:
        return name, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--engine-arg {name}: the value is no YAML. Quote it.") from error


def _nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with `decoder.top_p` as `{"decoder": {"top_p": ...}}`."""
    plain: dict[str, Any] = {}
    for name, value in given.items():
        section, dot, rest = name.partition(".")
        if dot and isinstance(plain.setdefault(section, {}), dict):
            plain[section][rest] = value
        else:
            plain[name] = value
    return plain


def _built(kind: type[EngineConfig], kept: Mapping[str, Any], changes: Mapping[str, Any]) -> EngineConfig:
    from pydantic import ValidationError

    settings = {**kept, **changes}
    for name in ("generation", "engine_args"):
        if name in kept and name in changes:
            before = kept[name].model_dump(exclude_unset=True) if name == "generation" else kept[name]
            settings[name] = {**before, **changes[name]}
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(_sentence(kind, error)) from error


def _sentence(kind: type[EngineConfig], error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    path = ".".join(str(step) for step in problem["loc"]).removeprefix("generation.")
    reason = problem["msg"].removeprefix("Value error, ").rstrip(".")
    if not path or "key" in path:
        # What stands in a key is never shown.
        return f"{kind.__name__}: {f'{path}: ' if path else ''}{reason}."
    return f"{path} of {kind.__name__} is {str(problem['input'])[:80]!r}: {reason}."


def _no_such_setting(flag: str, name: str, kind: type[EngineConfig]) -> str:
    import difflib

    from omnipipe.engines.registry import backends

    having = [entry.name for entry in backends() if entry.config is not None and name in entry.config.model_fields]
    if having:
        return f"{flag}: {kind.__name__} has no such setting. Backends that have it: {', '.join(having)}."
    close = difflib.get_close_matches(name, kind.model_fields, n=1)
    remedy = f"Did you mean {close[0]}?" if close else f"It has: {', '.join(kind.model_fields)}."
    return f"{flag}: {kind.__name__} has no such setting. {remedy}"
