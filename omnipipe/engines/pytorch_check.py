"""What can be said of the PyTorch engine's settings before anything is loaded. No heavy import here."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.engines.base import Readiness
from omnipipe.engines.vllm_check import num_visible_gpus
from omnipipe.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from omnipipe.engines.pytorch import PyTorchConfig

INSTALL = "pip install omnipipe[pytorch]"
_NO_GPU = "Use the API backend, or device=cpu (on a Mac the MLX backend)."


def missing() -> MissingExtraError | None:
    """The error for a machine without the packages; None where they are there."""
    for package in ("transformers", "torch"):
        if importlib.util.find_spec(package) is None:
            return MissingExtraError("PyTorch backend", package, INSTALL)
    return None


def has_cuda() -> bool:
    """Whether a GPU is visible and the installed torch is not a CPU build."""
    try:
        return num_visible_gpus() > 0 and not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False


def has_mps() -> bool:
    """Whether this is a Mac with Apple silicon."""
    return sys.platform == "darwin" and platform.machine() == "arm64"


def probe() -> Readiness:
    """See `EngineConfig.probe`."""
    lacking = missing()
    if lacking is not None:
        package = "transformers" if importlib.util.find_spec("transformers") is None else "torch"
        return Readiness("missing extra", f"{package} is not installed", INSTALL)
    if has_cuda():
        gpus = num_visible_gpus()
        return Readiness("ready", f"{gpus} GPU{'s' if gpus > 1 else ''}")
    return Readiness("ready", "Apple silicon" if has_mps() else "on the CPU: right, but slow with billions of weights")


def check_config(config: PyTorchConfig) -> None:
    """See `EngineConfig.check`."""
    lacking = missing()
    if lacking is not None:
        raise lacking
    _check_device(config)
    _check_packages(config)
    _check_code(config)
    said = read_config_json(config.model)
    if said is not None:
        _check_architecture(config, said)
        _check_length(config, said)


def read_config_json(model: str) -> Mapping[str, object] | None:
    """What the folder `model` says of itself; None where `model` is an id.

    Raises:
        ConfigError: `model` looks like a folder and is none, or has no readable config.json.
    """
    folder = Path(model).expanduser()
    looks_like_one = model.startswith((".", "/", "~")) or model.count("/") > 1
    if not folder.is_dir():
        if looks_like_one or folder.exists():
            raise ConfigError(f"model={model} is not the folder of a checkpoint. Name a folder, or a model id.")
        return None
    try:
        said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"model={model}: config.json cannot be read ({type(error).__name__}). Name the folder of a checkpoint."
        ) from error
    if not isinstance(said, dict):
        raise ConfigError(f"model={model}: config.json is not a mapping. Name the folder of a checkpoint.")
    return said


def _check_device(config: PyTorchConfig) -> None:
    # A driver of a Ray cluster may have no GPU while its workers do; they check again when they load.
    is_on_cluster = "RAY_ADDRESS" in os.environ
    if config.device == "cuda" and not has_cuda() and not is_on_cluster:
        if num_visible_gpus() > 0:
            raise ConfigError("device=cuda: the installed torch is its CPU build. Install a CUDA build of torch.")
        raise ConfigError(f"device=cuda: no GPU is visible. {_NO_GPU}")
    if config.device == "mps" and not has_mps():
        raise ConfigError("device=mps needs a Mac with Apple silicon. Use device=auto.")
    if config.device_map is not None and config.device not in ("auto", "cuda"):
        raise ConfigError(f"device_map={config.device_map} and device={config.device} conflict. Keep one of them.")


def _check_packages(config: PyTorchConfig) -> None:
    wanted = [
        (f"device_map={config.device_map}", config.device_map is not None, "accelerate", INSTALL),
        (f"quantization={config.quantization}", config.quantization is not None, "accelerate", INSTALL),
        (
            f"quantization={config.quantization}",
            config.quantization is not None,
            "bitsandbytes",
            "pip install bitsandbytes",
        ),
        ("lora", bool(config.lora), "peft", "pip install peft"),
        ("use_flash_attention", config.use_flash_attention, "flash_attn", "pip install flash-attn"),
    ]
    if config.quantization is not None and config.device == "mps":
        raise ConfigError(f"quantization={config.quantization} is not possible with device=mps. Use the MLX backend.")
    if config.use_flash_attention and not has_cuda():
        raise ConfigError("use_flash_attention needs a GPU. Leave it out; attn_implementation=sdpa is the default.")
    for feature, is_wanted, package, install in wanted:
        if is_wanted and importlib.util.find_spec(package) is None:
            raise MissingExtraError(feature, package, install)
    for name, folder in config.lora.items():
        if not (Path(folder).expanduser() / "adapter_config.json").is_file():
            raise ConfigError(f"lora.{name}: {folder} has no adapter_config.json. Name the folder of a LoRA adapter.")


def _check_code(config: PyTorchConfig) -> None:
    family = getattr(config, "family", None)
    if family is not None and family.trust_remote_code and not config.trust_remote_code:
        raise ConfigError(
            f"{family.label} checkpoints run Python code of their own. Read it, then set trust_remote_code=True."
        )


def _check_architecture(config: PyTorchConfig, said: Mapping[str, object]) -> None:
    if said.get("auto_map"):
        if not config.trust_remote_code and said.get("model_type") not in _known_model_types():
            raise ConfigError(
                f"model={config.model} runs Python code of its own. Read it, then set trust_remote_code=True."
            )
        return
    known = _known_model_types()
    if known and said.get("model_type") not in known:
        architectures = said.get("architectures")
        name = architectures[0] if isinstance(architectures, list) and architectures else said.get("model_type")
        raise ConfigError(
            f"model={config.model} is a {name}, which transformers {version('transformers')} does not have as a model"
            " that reads pictures. Name a vision-language checkpoint."
        )


def _check_length(config: PyTorchConfig, said: Mapping[str, object]) -> None:
    text = next((said[key] for key in ("text_config", "llm_config", "language_config") if key in said), said)
    positions = text.get("max_position_embeddings") if isinstance(text, Mapping) else None
    if isinstance(positions, int) and config.max_model_len is not None and config.max_model_len > positions:
        raise ConfigError(
            f"max_model_len={config.max_model_len} is more than the {positions} positions of {config.model}. "
            f"Use {positions} or less."
        )


@lru_cache(maxsize=1)
def _known_model_types() -> frozenset[str]:
    """Model types that transformers loads for pictures, read from its source; empty where the table moved."""
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        source = (Path(spec.origin).parent / "models" / "auto" / "modeling_auto.py").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    table = re.search(r"MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES = OrderedDict\((.*?)\n\)", source, re.DOTALL)
    return frozenset() if table is None else frozenset(re.findall(r'\("([\w.-]+)", ', table.group(1)))
