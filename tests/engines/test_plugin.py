"""A backend outside of the tree: installed by pip, found by its entry point, held to what every engine promises."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.engines.registry import engine_names, find_engine
from omnipipe.engines.thread import EngineThread
from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.tasks.text_extraction.registry import config_names, find_config
from tests.engines.contract import EngineContract, opened
from tests.tiny_reader import ALPHABET, pdf_of_pages, png_of_page, random_pages

EXAMPLE = Path(__file__).resolve().parent.parent / "plugin_example"
LIBRARY = EXAMPLE / "library" / "mynew_backend_lib.py"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin as pip installs it, without the library that it needs."""
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "plugin")
    target = tmp_path_factory.mktemp("target")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def whole(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its library."""
    target = tmp_path_factory.mktemp("whole") / "packages"
    shutil.copytree(bare, target)
    shutil.copy(LIBRARY, target)
    return target


@pytest.fixture(scope="module")
def installed(whole: Path) -> Iterator[None]:
    """The plugin is importable in this process."""
    sys.path.insert(0, str(whole))
    yield
    sys.path.remove(str(whole))
    for name in ("omnipipe_mynew", "mynew_backend_lib"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The "checkpoint": a picture of each letter."""
    folder = tmp_path_factory.mktemp("specimen")
    for letter in ALPHABET:
        (folder / f"{ord(letter)}.png").write_bytes(png_of_page(f".{letter}."))
    return str(folder)


def omnipipe(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that has `target` on its path."""
    return subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(target)},
    )


class TestPluginContract(EngineContract):
    """What every engine promises."""

    @pytest.fixture(scope="module")
    @classmethod
    def engine(cls, installed: None, specimen: str) -> Iterator[EngineThread]:
        config = find_config("QwenTextMyNewBackendConfig")
        with opened(config.model_validate({"model": specimen, "param2": 8})) as thread:
            yield thread


def test_the_plugin_is_small() -> None:
    lines = (EXAMPLE / "omnipipe_mynew.py").read_text(encoding="utf-8").splitlines()

    assert len([line for line in lines if line.strip()]) <= 60


def test_its_entry_points_name_an_engine_and_a_config(installed: None) -> None:
    assert "mynew" in engine_names()
    assert "QwenTextMyNewBackendConfig" in config_names()
    assert issubclass(find_config("QwenTextMyNewBackendConfig"), find_engine("mynew"))


def test_it_is_listed_with_its_state_and_its_config(bare: Path, whole: Path) -> None:
    listed = {}
    for target in (bare, whole):
        done = omnipipe(target, "backends", "--json")
        assert done.returncode == 0, done.stderr
        listed[target] = {entry["name"]: entry for entry in json.loads(done.stdout)["backends"]}["mynew"]

    assert (listed[bare]["state"], listed[bare]["fix"]) == ("missing extra", "pip install mynew_backend_lib")
    assert listed[whole]["state"] == "ready"
    assert listed[whole]["configs"] == {
        "QwenTextMyNewBackendConfig": "MyNewBackend backend configuration for Qwen text extraction."
    }


def test_documents_are_read_with_it(whole: Path, specimen: str, tmp_path: Path) -> None:
    texts = random_pages(3, seed=5)
    document, pipeline = tmp_path / "pages.pdf", tmp_path / "mine.yaml"
    document.write_bytes(pdf_of_pages(texts))
    pipeline.write_text(
        "stages:\n  - read: {text_layer: false}\n  - render: {dpi: 72, small_side: 0, multiple_of: 1, format: png}\n"
        "  - extract: {engine: {config: QwenTextEchoConfig}}\n"
    )
    chosen = ["-p", str(pipeline), "--config", "QwenTextMyNewBackendConfig", "--model", specimen]

    done = omnipipe(whole, "extract", str(document), *chosen, "--format", "json")

    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == texts


def test_without_its_library_it_is_the_promised_sentence(bare: Path, specimen: str, tmp_path: Path) -> None:
    document = tmp_path / "pages.pdf"
    document.write_bytes(pdf_of_pages(["Never read"]))

    done = omnipipe(bare, "extract", str(document), "--config", "QwenTextMyNewBackendConfig", "--model", specimen)

    promised = "MyNewBackend requires mynew_backend_lib. Install with: pip install mynew_backend_lib"
    assert (done.returncode, done.stderr) == (2, f"omnipipe: {promised}\n")


def test_its_settings_are_checked_as_ours_are(installed: None) -> None:
    config = find_config("QwenTextMyNewBackendConfig")

    for wrong in ({"param3": 1}, {"param2": 0}, {"request_timeout": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            config.model_validate({"model": "x", **wrong})
    assert config.model_validate({"model": "x", "max_tokens": 5}).generation.max_tokens == 5


def test_a_broken_plugin_is_a_line_of_the_list_and_costs_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[omnipipe.engines]\nbroken = not_there:Config\nnone = json:dumps\n")

    done = omnipipe(tmp_path, "backends", "--json")

    listed = {entry["name"]: entry for entry in json.loads(done.stdout)["backends"]}
    assert "No module named 'not_there'" in listed["broken"]["detail"]
    assert "json:dumps is no EngineConfig" in listed["none"]["detail"]
    assert "capabilities" in listed["vllm"]


def test_a_plugin_cannot_take_a_name_of_ours(installed: None) -> None:
    assert find_engine("vllm").__module__ == "omnipipe.engines.vllm"
    with pytest.raises(ConfigError, match="there is no backend"):
        find_engine("omnipipe_mynew")


def test_the_error_is_an_import_error_as_well(installed: None) -> None:
    """Code that guards an optional backend with `except ImportError` works."""
    error = MissingExtraError("MyNewBackend", "mynew_backend_lib", "pip install mynew_backend_lib")

    assert isinstance(error, ImportError)
