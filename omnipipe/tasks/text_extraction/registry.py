"""The names of all pairs of model family and backend, and the classes behind them, loaded when they are asked for.

A package adds pairs with entry points in the group `omnipipe.configs`: the name is the class's, the value module:Class.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points

from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.model import ModelFamily
from omnipipe.tasks.lazy import lacking

ENTRY_POINT_GROUP = "omnipipe.configs"
"""Packages name their configs in this entry-point group; a built-in name cannot be taken."""

_HOME = "omnipipe.tasks.text_extraction"

FAMILIES: Mapping[str, str] = {
    "QwenText": "qwen.family",
    "OlmOCRText": "olmocr",
    "DotsOCRText": "dots_ocr",
    "DeepSeekOCRText": "deepseek_ocr",
    "LightOnOCRText": "lighton_ocr",
    "NanonetsText": "nanonets",
    "GraniteDoclingText": "granite_docling",
    "PaddleOCRVLText": "paddleocr_vl",
}
"""Classes of families, and their modules below `omnipipe.tasks.text_extraction`."""

PAIRS: Mapping[str, str] = {
    "QwenTextPyTorchConfig": "qwen.pytorch",
    "QwenTextVLLMConfig": "qwen.vllm",
    "QwenTextMLXConfig": "qwen.mlx",
    "QwenTextAPIConfig": "qwen.api",
    "QwenTextLlamaCppConfig": "qwen.llamacpp",
    "QwenTextEchoConfig": "qwen.echo",
    "OlmOCRTextPyTorchConfig": "olmocr",
    "OlmOCRTextVLLMConfig": "olmocr",
    "OlmOCRTextMLXConfig": "olmocr",
    "OlmOCRTextAPIConfig": "olmocr",
    "DotsOCRTextVLLMConfig": "dots_ocr",
    "DotsOCRTextMLXConfig": "dots_ocr",
    "DotsOCRTextAPIConfig": "dots_ocr",
    "DeepSeekOCRTextPyTorchConfig": "deepseek_ocr",
    "DeepSeekOCRTextVLLMConfig": "deepseek_ocr",
    "DeepSeekOCRTextMLXConfig": "deepseek_ocr",
    "DeepSeekOCRTextAPIConfig": "deepseek_ocr",
    "LightOnOCRTextPyTorchConfig": "lighton_ocr",
    "LightOnOCRTextVLLMConfig": "lighton_ocr",
    "LightOnOCRTextMLXConfig": "lighton_ocr",
    "LightOnOCRTextAPIConfig": "lighton_ocr",
    "LightOnOCRTextLlamaCppConfig": "lighton_ocr",
    "NanonetsTextPyTorchConfig": "nanonets",
    "NanonetsTextVLLMConfig": "nanonets",
    "NanonetsTextMLXConfig": "nanonets",
    "NanonetsTextAPIConfig": "nanonets",
    "GraniteDoclingTextPyTorchConfig": "granite_docling",
    "GraniteDoclingTextVLLMConfig": "granite_docling",
    "GraniteDoclingTextMLXConfig": "granite_docling",
    "GraniteDoclingTextAPIConfig": "granite_docling",
    "PaddleOCRVLTextPyTorchConfig": "paddleocr_vl",
    "PaddleOCRVLTextVLLMConfig": "paddleocr_vl",
    "PaddleOCRVLTextAPIConfig": "paddleocr_vl",
}
"""Classes of configs that are built in, and their modules below `omnipipe.tasks.text_extraction`."""


def config_names() -> list[str]:
    """All names that `find_config` knows: the built-in ones first, then those of installed packages. Loads none."""
    plugins = {entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return [*PAIRS, *sorted(plugins - PAIRS.keys())]


def find_config(name: str) -> type[EngineConfig]:
    """The config class called `name`, such as QwenTextVLLMConfig; loads the module that has it, and no engine.

    Raises:
        ConfigError: There is none, or an installed package names something that is none.
    """
    if name in PAIRS:
        target = f"{_HOME}.{PAIRS[name]}:{name}"
    else:
        entry = next(iter(entry_points(group=ENTRY_POINT_GROUP, name=name)), None)
        if entry is None:
            raise ConfigError(_unknown(name))
        target = entry.value
    return _config_at(target)


def families() -> list[ModelFamily]:
    """Every built-in family, one of each."""
    return [getattr(importlib.import_module(f"{_HOME}.{module}"), name)() for name, module in FAMILIES.items()]


def pairs(family: ModelFamily) -> list[type[EngineConfig]]:
    """Every config of `family`, those of installed packages included."""
    configs = [find_config(name) for name in config_names()]
    return [config for config in configs if type(getattr(config, "family", None)) is type(family)]


def refuses_others(module: str) -> Callable[[str], object]:
    """`__getattr__` of a family's `module`: a backend that the family has not is an ImportError that names its own."""

    def refuse(name: str) -> object:
        raise lacking(module, name, [pair for pair, home in PAIRS.items() if f"{_HOME}.{home}" == module])

    return refuse


def _config_at(target: str) -> type[EngineConfig]:
    module_name, _, class_name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise ConfigError(f"config {target!r} cannot be imported: {error}. Install the package that has it.") from error
    if not (isinstance(found, type) and issubclass(found, EngineConfig)):
        raise ConfigError(f"config {target!r} is no EngineConfig. Name a subclass of EngineConfig.")
    return found


def _unknown(name: str) -> str:
    names = config_names()
    by_fold = {known.casefold(): known for known in names}
    close = get_close_matches(name.casefold(), by_fold, n=1)
    guess = f" Did you mean {by_fold[close[0]]}?" if close else ""
    return f"there is no config {name[:80]!r}.{guess} Known configs: {', '.join(names)}"
