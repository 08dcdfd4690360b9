"""Other tools' spellings of engine settings, nested ones too, and our fields that they mean."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from omnipipe.generation import known_names

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "model_name": ("model",),
    "fp_precision": ("dtype", "torch_dtype"),
    "dtype": ("torch_dtype",),
    "torch_dtype": ("dtype",),
    "api_url": ("base_url",),
}
"""Spellings at the top level, and the fields that they mean: the first that a config has."""

_BATCH_SIZES = ("batch_size", "max_num_seqs", "max_concurrency")
_STRATEGIES = ("batch_strategy", "batching")


class Setting(NamedTuple):
    """A setting as it was given (`sharding.num_gpus`), the field that it means, and its value there."""

    given: str
    field: str
    value: Any


def with_our_names(given: Mapping[str, Any], fields: Collection[str], label: str) -> dict[str, Any]:
    """`given` with the fields' own names, where a config of the engine called `label` has these `fields`.

    `decoder.*` becomes generation parameters, `quantization.load_in_4bit` and `_8bit` the field `quantization`,
    `batching.*` the engine's batch, `sharding.*` its tensor parallelism, `model_kwargs.*` fields.
    What means nothing keeps its full path.

    Raises:
        ValueError: A setting is given twice, or has a value that the engine cannot honour.
    """
    plain: dict[str, Any] = {}
    paths: dict[str, str] = {}
    for name, value in given.items():
        for setting in _settings(name, value, fields, label):
            if setting.field in plain:
                twice = f"{paths[setting.field]} and {setting.given}"
                raise ValueError(f"{setting.field} is given twice, as {twice}. Keep one of them")
            plain[setting.field] = setting.value
            paths[setting.field] = setting.given
    return plain


def _settings(name: str, value: Any, fields: Collection[str], label: str) -> Iterator[Setting]:
    section = _SECTIONS.get(name)
    if section is not None and isinstance(value, Mapping):
        yield from section(value, fields, label)
    elif name in fields:
        yield Setting(name, name, value)
    else:
        yield Setting(name, _first(_FIELDS.get(name, ()), fields) or name, value)


def _decoder(section: Mapping[str, Any], fields: Collection[str], label: str) -> Iterator[Setting]:
    for key, value in section.items():
        path = f"decoder.{key}"
        yield Setting(path, key if key in known_names() else path, value)


def _quantization(section: Mapping[str, Any], fields: Collection[str], label: str) -> Iterator[Setting]:
    bits = {"load_in_4bit": "4bit", "load_in_8bit": "8bit"}
    wanted = [key for key in bits if section.get(key)]
    yield from (Setting(f"quantization.{key}", f"quantization.{key}", section[key]) for key in section.keys() - bits)
    if len(wanted) > 1:
        raise ValueError("quantization.load_in_4bit and quantization.load_in_8bit exclude each other. Keep one of them")
    for key in wanted:
        if "quantization" not in fields:
            raise ValueError(f"quantization.{key} not supported by {label}. Name a checkpoint that is quantised")
        yield Setting(f"quantization.{key}", "quantization", bits[key])


def _batching(section: Mapping[str, Any], fields: Collection[str], label: str) -> Iterator[Setting]:
    for key, value in section.items():
        path = f"batching.{key}"
        if key == "batch_size":
            yield Setting(path, _first(_BATCH_SIZES, fields) or path, value)
        elif key != "strategy":
            yield Setting(path, key if key in fields else path, value)
        elif field := _first(_STRATEGIES, fields):
            yield Setting(path, field, value)
        elif value != "continuous":
            raise ValueError(f"batching.strategy={value} not supported by {label}: it batches by itself. Leave it out")


def _sharding(section: Mapping[str, Any], fields: Collection[str], label: str) -> Iterator[Setting]:
    strategy, num_gpus = section.get("strategy"), section.get("num_gpus")
    yield from (
        Setting(f"sharding.{key}", f"sharding.{key}", value)
        for key, value in section.items()
        if key not in ("strategy", "num_gpus")
    )
    if strategy in (None, "none") and num_gpus in (None, 1):
        return
    if strategy not in (None, "tensor_parallel"):
        raise ValueError(f"sharding.strategy={strategy} is unknown. Use tensor_parallel or none")
    if "tensor_parallel_size" in fields:
        if num_gpus is None:
            raise ValueError("sharding.num_gpus is missing. Say on how many GPUs tensor_parallel spreads the model")
        yield Setting("sharding.num_gpus", "tensor_parallel_size", num_gpus)
    elif "device_map" in fields:
        # transformers spreads a model over the GPUs that it sees, and takes no number.
        yield Setting("sharding.strategy", "device_map", "auto")
    else:
        raise ValueError(f"sharding not supported by {label}. Use vLLM")


def _model_kwargs(section: Mapping[str, Any], fields: Collection[str], label: str) -> Iterator[Setting]:
    for key, value in section.items():
        path = f"model_kwargs.{key}"
        yield Setting(path, key if key in fields else path, value)


_SECTIONS = {
    "decoder": _decoder,
    "quantization": _quantization,
    "batching": _batching,
    "sharding": _sharding,
    "model_kwargs": _model_kwargs,
}


def _first(names: Collection[str], fields: Collection[str]) -> str | None:
    return next((name for name in names if name in fields), None)
