"""Which backend to use where the user names none: what is really there decides, and a sentence says why."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from omnipipe.engines.base import Readiness
from omnipipe.engines.registry import ENGINES, backends, engine_names, find_engine, plain_name
from omnipipe.errors import ConfigError

AUTO = "auto"
VARIABLES = ("OMNIPIPE_BACKEND", "OMNIDOCS_BACKEND")
"""Variables of the environment that name the backend; the first that is set counts."""

_KEYS = ("OPENAI_API_KEY", "OPENROUTER_API_KEY")


class Machine(NamedTuple):
    """What a choice depends on: `system` as `platform.system()` says it, GPUs, engines, and whether a key is there."""

    system: str
    is_arm: bool
    num_gpus: int
    readiness: Mapping[str, Readiness]
    has_api_key: bool = False


class Choice(NamedTuple):
    """A backend, and a sentence on why it is the one."""

    backend: str
    reason: str


def this_machine(environment: Mapping[str, str] | None = None) -> Machine:
    """What is here. Imports no engine library and asks no network."""
    said = os.environ if environment is None else environment
    return Machine(
        system=platform.system(),
        is_arm=platform.machine() in {"arm64", "aarch64"},
        num_gpus=_num_gpus(said),
        readiness={entry.name: entry.readiness for entry in backends() if entry.name in ENGINES},
        has_api_key=any(said.get(name) for name in _KEYS),
    )


def backend_of_environment(environment: Mapping[str, str]) -> str | None:
    """The backend that the environment names, None where it names none.

    Raises:
        ConfigError: It is no backend; the message has the variable and the valid names.
    """
    for variable in VARIABLES:
        if name := environment.get(variable, "").strip():
            return checked_backend(name, variable)
    return None


def checked_backend(name: str, where: str) -> str:
    """The engine's or the preset's own name for `name`, or `auto`; `where` it was given is for the message.

    Raises:
        ConfigError: It is no backend.
    """
    if name.lower() == AUTO:
        return AUTO
    try:
        find_engine(name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return plain_name(name)


def choose_backend(machine: Machine, among: Collection[str] = tuple(ENGINES)) -> Choice:
    """The backend for `machine`, of those `among` that the model has.

    MLX on Apple silicon, else vLLM where it finds a GPU, else PyTorch, else vLLM on the CPU, else a server where a key
    is set: pages leave the machine only where nothing else works. llama.cpp needs a model file of its own and is
    never chosen.

    Raises:
        ConfigError: None would work; the message has the command that makes one work.
    """
    ready = [name for name in among if (found := machine.readiness.get(name)) is not None and found.state == "ready"]
    on_mac = machine.system == "Darwin" and machine.is_arm
    if on_mac and "mlx" in ready:
        return Choice("mlx", "mlx: Apple silicon, and mlx-vlm is installed.")
    if machine.num_gpus and "vllm" in ready:
        return Choice("vllm", f"vllm: {_gpus(machine)}, and vLLM answers many requests at once.")
    if "pytorch" in ready:
        where = "Apple's GPU" if on_mac else _gpus(machine) if machine.num_gpus else "no GPU, so on the CPU"
        return Choice("pytorch", f"pytorch: {where}, and transformers is installed.")
    if "vllm" in ready:
        return Choice("vllm", "vllm: no GPU and no transformers; the installed vLLM works on the CPU.")
    if "api" in ready and machine.has_api_key:
        return Choice("api", "api: no engine can run here, and a key is set. Pages leave this machine.")
    raise ConfigError(_nothing(machine, on_mac, among))


def require_extra(name: str, readiness: Readiness) -> None:
    """See that the packages of the backend called `name` are installed.

    Raises:
        ConfigError: They are not; the message has the command.
    """
    if readiness.state == "missing extra":
        install = readiness.fix or readiness.detail
        raise ConfigError(f"ERROR: Backend '{name}' requires extra dependencies. Install with: {install}")


def _nothing(machine: Machine, on_mac: bool, among: Collection[str]) -> str:
    best = "mlx" if on_mac else "vllm" if machine.num_gpus and machine.system == "Linux" else "pytorch"
    named = best if best in among else next((name for name in engine_names() if name in among), best)
    found = machine.readiness.get(named)
    fix = f"Install with: {found.fix}" if found and found.fix else f"Install with: pip install omnipipe[{named}]"
    return f"no backend can run here. {fix}; or use a server: --backend api with OPENAI_API_KEY set."


def _gpus(machine: Machine) -> str:
    return f"{machine.num_gpus} GPU{'s' if machine.num_gpus > 1 else ''}"


def _num_gpus(environment: Mapping[str, str]) -> int:
    said = environment.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return len([entry for entry in said.split(",") if entry.strip() not in {"", "-1"}])
    return len([path for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdigit()])
