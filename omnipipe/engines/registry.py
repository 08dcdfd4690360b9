"""The names of engines, which users call backends, and the config classes behind them, loaded when they are asked for.

A package adds one with an entry point in the group `omnipipe.engines`: its name, and `module:ConfigClass`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import NamedTuple

from omnipipe.engines.base import EngineConfig, Readiness
from omnipipe.errors import ConfigError

ENTRY_POINT_GROUP = "omnipipe.engines"
"""Packages name their engines in this entry-point group; a built-in name cannot be taken."""

ENGINES: Mapping[str, str] = {
    "pytorch": "omnipipe.engines.pytorch:PyTorchConfig",
    "vllm": "omnipipe.engines.vllm:VLLMConfig",
    "mlx": "omnipipe.engines.mlx:MLXConfig",
    "api": "omnipipe.engines.api:APIConfig",
    "llamacpp": "omnipipe.engines.llamacpp:LlamaCppConfig",
}
"""Engines that are built in, the default first."""

_HIDDEN: Mapping[str, str] = {"echo": "omnipipe.engines.echo:EchoConfig"}

PLANNED: Mapping[str, str] = {"tensorrt": "TensorRT-LLM on NVIDIA GPUs"}
"""Names that users ask for and that are not there yet, and what they will be."""

PRESETS: Mapping[str, str] = {
    "remote-vllm": "omnipipe.engines.presets:RemoteVLLMConfig",
    "sglang": "omnipipe.engines.presets:SGLangConfig",
    "llamacpp-server": "omnipipe.engines.presets:LlamaCppServerConfig",
    "openrouter": "omnipipe.engines.presets:OpenRouterConfig",
    "azure": "omnipipe.engines.presets:AzureOpenAIConfig",
}
"""Servers that the api engine is set up for; each is a name of its own."""

_ALIASES: Mapping[str, str] = {"native": "pytorch", "transformers": "pytorch", "openai": "api", "llama.cpp": "llamacpp"}


class Backend(NamedTuple):
    """An engine as this machine has it; `config` is None where its class cannot be had."""

    name: str
    config: type[EngineConfig] | None
    readiness: Readiness


def engine_names() -> list[str]:
    """All names that `find_engine` knows: the built-in ones first, then those of installed packages. Loads none."""
    plugins = {entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return [*ENGINES, *sorted(plugins - ENGINES.keys() - PRESETS.keys() - _HIDDEN.keys() - PLANNED.keys())]


def plain_name(name: str) -> str:
    """The name that an engine or a preset goes by here, whatever other tools call it."""
    plain = name.strip().lower().replace("_", "-")
    return _ALIASES.get(plain, plain)


def find_engine(name: str) -> type[EngineConfig]:
    """The config class of the engine or preset called `name`, here or elsewhere; loads no engine library.

    Raises:
        ConfigError: There is none, it is only planned, or an installed package names something that is none.
    """
    plain = plain_name(name)
    target = ENGINES.get(plain) or PRESETS.get(plain) or _HIDDEN.get(plain)
    if target is None and plain in PLANNED:
        raise ConfigError(f"backend {plain!r} ({PLANNED[plain]}) is planned and not there yet. Use vllm.")
    if target is None:
        entry = next(iter(entry_points(group=ENTRY_POINT_GROUP, name=plain)), None)
        if entry is None:
            raise ConfigError(_unknown(name))
        target = entry.value
    return _config_at(plain, target)


def is_hidden(name: str) -> bool:
    """Whether the engine called `name` is for tests and plugins, and stands in no list."""
    return name in _HIDDEN


def backends() -> list[Backend]:
    """Every engine and whether it would work here, planned ones last. Imports no engine library."""
    listed = [_backend(name) for name in engine_names()]
    return [*listed, *(Backend(name, None, Readiness("planned", about)) for name, about in PLANNED.items())]


def _backend(name: str) -> Backend:
    # A package that is broken is a line of the list, and does not cost the others.
    try:
        config = find_engine(name)
    except ConfigError as error:
        return Backend(name, None, Readiness("missing extra", str(error)))
    return Backend(name, config, config.probe())


def _config_at(name: str, target: str) -> type[EngineConfig]:
    module_name, _, class_name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise ConfigError(
            f"backend {name!r} ({target}) cannot be imported: {error}. Install the package that has it."
        ) from error
    if not (isinstance(found, type) and issubclass(found, EngineConfig)):
        raise ConfigError(f"backend {name!r}: {target} is no EngineConfig. Name a subclass, as module:ConfigClass.")
    return found


def _unknown(name: str) -> str:
    names = engine_names()
    close = difflib.get_close_matches(name.lower(), names, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    known = f"Backends: {', '.join(names)} or auto; servers: {', '.join(PRESETS)}."
    return f"there is no backend {name[:80]!r}.{guess} {known}"
