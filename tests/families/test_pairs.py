"""Every pair of family and backend: data only, found by name, loaded alone, and honest about what does not exist."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from omnipipe.config import result_settings
from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.model import ModelFamily
from omnipipe.tasks.text_extraction import registry
from omnipipe.tasks.text_extraction.qwen import (
    QwenText,
    QwenTextAPIConfig,
    QwenTextBackendConfig,
    QwenTextEchoConfig,
    QwenTextMLXConfig,
    QwenTextPyTorchConfig,
    QwenTextVLLMConfig,
)
from omnipipe.tasks.text_extraction.registry import config_names, families, find_config, pairs

PAIRS = [find_config(name) for name in registry.PAIRS]

HEAVY = "torch transformers vllm mlx mlx_vlm openai llama_cpp numpy PIL"

every_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.__name__)
every_family = pytest.mark.parametrize("family", families(), ids=lambda family: family.name)


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def source_of(pair: type[EngineConfig]) -> ast.ClassDef:
    tree = ast.parse(Path(inspect.getfile(pair)).read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == pair.__name__)


@every_pair
def test_a_pair_is_data_of_six_lines_at_most(pair: type[EngineConfig]) -> None:
    node = source_of(pair)

    kinds = {type(part) for part in node.body}
    lines = (node.end_lineno or 0) - node.lineno + 1

    assert kinds <= {ast.Expr, ast.Assign, ast.AnnAssign}
    assert lines <= 6
    assert not [part for part in ast.walk(node) if isinstance(part, ast.Lambda | ast.FunctionDef)]


@every_pair
def test_a_pair_keeps_what_its_engine_says_of_each_field(pair: type[EngineConfig]) -> None:
    engine = pair.__mro__[1]
    assert issubclass(engine, EngineConfig)

    for name, field in pair.model_fields.items():
        said = engine.model_fields[name]
        assert field.description
        assert (field.description, field.json_schema_extra) == (said.description, said.json_schema_extra)
        assert list(map(repr, field.metadata)) == list(map(repr, said.metadata))


@pytest.mark.parametrize(
    ("pair", "line", "model"),
    [
        (QwenTextPyTorchConfig, "PyTorch/HuggingFace backend configuration", "Qwen/Qwen3-VL-2B-Instruct"),
        (QwenTextVLLMConfig, "VLLM backend configuration", "Qwen/Qwen3-VL-8B-Instruct"),
        (QwenTextMLXConfig, "MLX backend configuration", "Qwen/Qwen3-VL-2B-Instruct"),
        (QwenTextAPIConfig, "API backend configuration", "Qwen/Qwen3-VL-8B-Instruct"),
    ],
)
def test_the_promised_pairs_of_qwen(pair: type[EngineConfig], line: str, model: str) -> None:
    assert (pair.__doc__ or "").splitlines()[0] == f"{line} for Qwen text extraction."
    assert pair.model_validate({}).model == model
    assert pair.__name__ in importlib.import_module("omnipipe.tasks.text_extraction.qwen").__all__


def test_the_promised_pairs_of_qwen_are_one_type() -> None:
    assert set(get_args(QwenTextBackendConfig)) == {
        *(QwenTextPyTorchConfig, QwenTextVLLMConfig, QwenTextMLXConfig, QwenTextAPIConfig),
    }


@every_pair
def test_a_pair_s_default_model_is_one_of_its_family(pair: type[EngineConfig]) -> None:
    field = pair.model_fields["model"]

    assert field.is_required() or field.default in {"echo", *(known.model for known in pair.family.checkpoints)}


@every_family
def test_a_family_has_what_the_catalogue_prints(family: ModelFamily) -> None:
    assert family.name
    assert family.label
    assert all(known.billions > 0 and known.licence for known in family.checkpoints)
    assert "markdown" in family.output_formats
    assert (type(family).__doc__ or "").count("model card") >= 1


@every_family
def test_a_family_s_caps_are_met_by_its_own_grid(family: ModelFamily) -> None:
    picture = family.picture

    for size in ((5000, 7000), (7000, 5000), (200, 9000), (1275, 1650)):
        across, down = picture.fit(*size)
        assert across % picture.multiple_of == down % picture.multiple_of == 0
        assert across * down <= picture.max_pixels
        assert max(across, down) <= picture.longest_side


@every_family
def test_the_recommended_generation_reaches_the_config(family: ModelFamily) -> None:
    recommended = family.generation.model_dump(exclude_unset=True)

    for pair in pairs(family):
        model = {"model": "some.gguf"} if pair.model_fields["model"].is_required() else {}
        assert pair.model_validate(model).generation.model_dump(include=set(recommended)) == recommended
        assert pair.model_validate({**model, "max_tokens": 7}).generation.max_tokens == 7


def test_names_and_families_fit_together() -> None:
    named = {family.name: [pair.__name__ for pair in pairs(family)] for family in families()}

    assert sorted(name for names in named.values() for name in names) == sorted(registry.PAIRS)
    assert all(names for names in named.values())


def test_an_unknown_name_gets_a_hint_and_the_list() -> None:
    with pytest.raises(ConfigError, match=r"no config 'qwentextvlmconfig'. Did you mean QwenTextVLLMConfig\?.*OlmOCR"):
        find_config("qwentextvlmconfig")


@pytest.mark.parametrize("size", ["7B", "72B", "3B-A1B"])
def test_a_size_that_was_never_published_is_refused_with_those_that_were(size: str) -> None:
    with pytest.raises(ValidationError, match=f"no size {size}. Sizes are: 2B, 4B, 8B, 32B, 30B-A3B, 235B-A22B"):
        QwenTextEchoConfig(model=f"Qwen/Qwen3-VL-{size}-Instruct")


@pytest.mark.parametrize(
    "model", ["Qwen/Qwen3-VL-8B-Instruct-FP8", "Qwen/Qwen3-VL-30B-A3B-Instruct", "me/Qwen3-VL-7B-x", "gpt-4-vision"]
)
def test_other_names_of_models_are_taken(model: str) -> None:
    assert QwenTextEchoConfig(model=model).model == model


def test_a_pair_that_does_not_exist_is_an_import_error_that_names_the_others() -> None:
    with pytest.raises(ImportError, match=r"no QwenTextONNXConfig in .*qwen.*QwenTextMLXConfig, QwenTextPyTorchConfig"):
        exec("from omnipipe.tasks.text_extraction.qwen import QwenTextONNXConfig")
    with pytest.raises(
        ImportError, match=r"DotsOCRTextPyTorchConfig.*backends are: DotsOCRTextAPIConfig, DotsOCRTextMLX"
    ):
        exec("from omnipipe.tasks.text_extraction.dots_ocr import DotsOCRTextPyTorchConfig")


def test_other_missing_names_are_attribute_errors() -> None:
    module = importlib.import_module("omnipipe.tasks.text_extraction.olmocr")

    assert not hasattr(module, "anything")
    assert not hasattr(importlib.import_module("omnipipe.tasks.text_extraction"), "anything")


def test_a_name_loads_its_own_module_and_no_library() -> None:
    loaded = run_python(
        "import sys; from omnipipe.tasks.text_extraction.registry import find_config, config_names\n"
        "find_config('QwenTextVLLMConfig')(); config_names()\n"
        f"heavy = set('{HEAVY}'.split())\n"
        "print(sorted(n for n in sys.modules if n.startswith('omnipipe.tasks.text_extraction.qwen.') or n in heavy))"
    )

    assert loaded == str(
        [f"omnipipe.tasks.text_extraction.qwen.{module}" for module in ("family", "vllm")],
    )


def test_all_names_load_without_a_library() -> None:
    loaded = run_python(
        "import sys; from omnipipe.tasks.text_extraction.registry import families, pairs\n"
        "for family in families(): pairs(family)\n"
        "import omnipipe.tasks.text_extraction as t; [getattr(t, name) for name in t.__all__]\n"
        f"print(sorted(set('{HEAVY}'.split()) & set(sys.modules)))"
    )

    assert loaded == "[]"


class FarConfig(QwenTextEchoConfig):
    """A pair of another package."""


def test_a_package_adds_a_pair_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "far-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: far\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        f"[omnipipe.configs]\nFarConfig = {__name__}:FarConfig\nQwenTextVLLMConfig = {__name__}:FarConfig\n"
        f"Wrong = {__name__}:HEAVY\nGone = far_away:Config\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert find_config("FarConfig") is FarConfig
    assert find_config("QwenTextVLLMConfig") is QwenTextVLLMConfig
    assert config_names()[-3:] == ["FarConfig", "Gone", "Wrong"]
    with pytest.raises(ConfigError, match="is no EngineConfig"):
        find_config("Wrong")
    with pytest.raises(ConfigError, match=r"cannot be imported.*Install the package"):
        find_config("Gone")


def test_the_family_s_version_is_part_of_what_decides_a_row() -> None:
    settings = result_settings(QwenTextEchoConfig())

    assert settings["family"] == "qwen"
    assert settings["family_version"] == QwenText.version
