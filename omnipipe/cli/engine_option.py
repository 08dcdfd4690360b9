"""The options that name an engine and its settings: declared once, for every command that may ask a model."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

import typer

_CONTEXT = "_command_line"


class PresetChoice(StrEnum):
    """Settings that go together."""

    low_memory = "low-memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What the user said of the engine; None and empty where nothing was said.

    `said` has the names of the options of the whole command that came on the command line, `meant` also those that
    came from the environment.
    """

    backend: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar=["OMNIPIPE_BACKEND", "OMNIDOCS_BACKEND"],
            help="What runs the model: pytorch, vllm, mlx, api, llamacpp, or auto for what is here.",
        ),
    ] = None
    config: Annotated[
        str | None,
        typer.Option(
            metavar="CONFIG",
            envvar="OMNIPIPE_CONFIG",
            help="Model family and backend by their config, such as QwenTextVLLMConfig: see omnipipe models.",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(metavar="ID|FOLDER", envvar="OMNIPIPE_MODEL", help="A model id, or the folder of a checkpoint."),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="OMNIPIPE_BASE_URL", help="The server of an API config."),
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", envvar="OMNIPIPE_MAX_TOKENS", help="Tokens of an answer at most.")
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option(metavar="T", envvar="OMNIPIPE_TEMPERATURE", help="0 takes the likeliest token each time."),
    ] = None
    device: Annotated[
        str | None, typer.Option(metavar="auto|cuda|mps|cpu", envvar="OMNIPIPE_DEVICE", help="Where the model runs.")
    ] = None
    dtype: Annotated[
        str | None,
        typer.Option(metavar="auto|float32|...", envvar="OMNIPIPE_DTYPE", help="Number format of the weights."),
    ] = None
    quantization: Annotated[
        str | None,
        typer.Option(metavar="4bit|8bit|...", envvar="OMNIPIPE_QUANTIZATION", help="Quantise the weights."),
    ] = None
    tensor_parallel_size: Annotated[
        int | None,
        typer.Option(metavar="N", envvar="OMNIPIPE_TENSOR_PARALLEL_SIZE", help="GPUs that share one model."),
    ] = None
    preset: Annotated[
        PresetChoice | None,
        typer.Option(
            metavar="low-memory",
            envvar="OMNIPIPE_PRESET",
            help="low-memory: 16-bit weights, few pages at once, answers of 2048 tokens at most.",
        ),
    ] = None
    engine_arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Any setting of the config or, for vLLM, of the engine; may be given more than once.",
        ),
    ] = None
    offline: Annotated[
        bool,
        typer.Option("--offline", envvar="OMNIPIPE_OFFLINE", help="Refuse engines that send pages to other machines."),
    ] = False
    ignore_backend_warnings: Annotated[
        bool,
        typer.Option(
            "--ignore-backend-warnings",
            envvar="OMNIPIPE_IGNORE_BACKEND_WARNINGS",
            help="Say nothing of parameters that the engine lacks.",
        ),
    ] = False
    said: frozenset[str] = frozenset()
    meant: frozenset[str] = frozenset()

    @property
    def names_engine(self) -> bool:
        """Whether the command line itself asks for an engine."""
        return bool(self.said & ENGINE_NAMES)


ENGINE_NAMES = frozenset(field.name for field in fields(EngineOptions)) - {
    "offline",
    "ignore_backend_warnings",
    "said",
    "meant",
}
"""Options that only mean something to an engine."""


def takes_engine_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the options of `EngineOptions`, which it gets as its keyword argument `engine_options`."""
    hints = get_type_hints(EngineOptions, include_extras=True)
    options = [field for field in fields(EngineOptions) if field.name not in {"said", "meant"}]
    own = inspect.signature(command, eval_str=True).parameters
    added = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in options
    ]
    context = inspect.Parameter(_CONTEXT, inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    kept = [entry for name, entry in own.items() if name != "engine_options"]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        sources = {name: _source(given[_CONTEXT], name) for name in given if name != _CONTEXT}
        said = frozenset(name for name, source in sources.items() if source == "COMMANDLINE")
        meant = said | {name for name, source in sources.items() if source == "ENVIRONMENT"}
        asked = EngineOptions(**{field.name: given.pop(field.name) for field in options}, said=said, meant=meant)
        del given[_CONTEXT]
        command(**given, engine_options=asked)

    every = [entry.replace(kind=inspect.Parameter.KEYWORD_ONLY) for entry in kept]
    with_options.__signature__ = inspect.Signature([*every, *added, context])  # type: ignore[attr-defined]
    with_options.__annotations__ = {entry.name: entry.annotation for entry in [*kept, *added, context]}
    return with_options


def _source(context: typer.Context, name: str) -> str:
    found = context.get_parameter_source(name)
    return "" if found is None else found.name
