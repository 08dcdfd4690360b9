"""`omnipipe backends`, `models` and `config schema`: what there is, and the pages of the docs that are made from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs import make_backends
from omnipipe.cli.backends import configs
from omnipipe.cli.main import run_command
from omnipipe.engines.registry import ENGINES
from tests.pdfs import pdf_of_texts


def test_backends_lists_engines_with_their_state_capabilities_and_configs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["backends"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:1]] == ["pytorch"]
    assert any(line.startswith("tensorrt ") and " planned " in line for line in lines)
    assert any(line.startswith("continuous batching ") and " yes" in line for line in lines)
    assert "  QwenTextVLLMConfig: VLLM backend configuration for Qwen text extraction." in lines


def test_backends_as_json_say_what_fixes_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["backends", "--json"]) == 0

    listed = json.loads(capsys.readouterr().out)["backends"]
    by_name = {entry["name"]: entry for entry in listed}
    assert {"pytorch", "vllm", "mlx", "api", "llamacpp", "tensorrt"} <= set(by_name)
    assert {entry["state"] for entry in listed} <= {"ready", "missing extra", "no device", "planned"}
    assert all(entry["fix"] for entry in listed if entry["state"] == "missing extra")
    assert by_name["vllm"]["capabilities"]["continuous_batching"] is True
    assert "temperature" in by_name["vllm"]["supports"]


def test_models_list_checkpoints_with_size_licence_and_backends(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["models"]) == 0
    text = capsys.readouterr().out
    assert run_command(["models", "--json"]) == 0
    families = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["families"]}

    assert "Qwen/Qwen3-VL-8B-Instruct" in text
    assert "8.8B" in text
    assert "vllm (QwenTextVLLMConfig)" in text
    assert families["qwen"]["checkpoints"][0]["licence"] == "Apache-2.0"
    assert "vllm" in {config["backend"] for config in families["qwen"]["configs"]}


@pytest.mark.parametrize("command", ["backends", "models"])
def test_listing_loads_no_engine_library(command: str) -> None:
    code = (
        "import sys\nfrom omnipipe.cli.main import run_command\n"
        f"assert run_command([{command!r}]) == 0\n"
        "heavy = {'torch', 'transformers', 'vllm', 'mlx', 'openai', 'llama_cpp', 'ray', 'numpy', 'PIL', 'pyarrow'}\n"
        "sys.exit(repr(loaded) if (loaded := heavy & {name.split('.')[0] for name in sys.modules}) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stderr


def test_an_engine_that_is_not_installed_is_missing_with_its_command() -> None:
    """The library is hidden from the import system of a new interpreter, as if it were not installed."""
    done = subprocess.run(
        [sys.executable, "-c", _without("vllm", ["backends", "--json"])], capture_output=True, text=True, timeout=120
    )

    listed = {entry["name"]: entry for entry in json.loads(done.stdout)["backends"]}
    assert listed["vllm"]["state"] == "missing extra"
    assert listed["vllm"]["fix"] == "pip install omnipipe[vllm]"


def test_choosing_a_backend_that_is_not_installed_is_the_promised_sentence(tmp_path: Path) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(pdf_of_texts(["A letter."]))
    done = subprocess.run(
        [sys.executable, "-c", _without("vllm", ["extract", str(letter), "-p", "pytorch", "--backend", "vllm"])],
        capture_output=True,
        text=True,
        timeout=120,
    )

    promised = "ERROR: Backend 'vllm' requires extra dependencies. Install with: pip install omnipipe[vllm]"
    assert done.returncode == 2
    assert done.stderr == f"omnipipe: {promised}\n"


def _without(module: str, arguments: list[str]) -> str:
    return (
        "import sys, importlib.util\n"
        "found = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {module!r} else found(name, *rest)\n"
        "from omnipipe.cli.main import run_command\n"
        f"sys.exit(run_command({arguments!r}))"
    )


def test_every_setting_of_every_config_is_described_and_unknown_ones_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    undescribed = []
    for name, _ in configs():
        assert run_command(["config", "schema", name]) == 0
        schema = json.loads(capsys.readouterr().out)
        undescribed += [f"{name}.{field}" for field, said in schema["properties"].items() if not _describes(said)]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"modle": "x"}, schema)
        jsonschema.validate({"model": "x", "max_tokens": 5, "decoder": {"top_p": 0.5}}, schema)

    assert undescribed == []


def _describes(said: dict[str, Any]) -> bool:
    return "description" in said or any("description" in way for way in said.get("anyOf", ()))


@pytest.mark.parametrize("path", sorted(make_backends.pages()), ids=lambda path: path.name)
def test_the_documented_engines_and_models_are_the_real_ones(path: Path) -> None:
    """To bring the pages up to date: python docs/make_backends.py."""
    assert path.read_text(encoding="utf-8") == make_backends.pages()[path]


def test_each_backend_has_its_strengths_and_limits() -> None:
    guide = (Path(make_backends.__file__).parent / "backends.md").read_text(encoding="utf-8")
    section = guide.partition("## Strengths and limits\n")[2].partition("\n## ")[0]
    table = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]

    assert [row[0] for row in table] == [f"`{name}`" for name in ENGINES]
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in table)
