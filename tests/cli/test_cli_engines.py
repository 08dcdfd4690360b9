"""Engines on the command line: what there is, how one is chosen and set, and the mistakes before any page is read."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from omnipipe.cli import engine
from omnipipe.cli.engine_option import EngineOptions
from omnipipe.cli.main import run_command
from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.pdfs import pdf_of_texts
from tests.tiny_reader import CHECKPOINT, pdf_of_pages, random_pages

ECHO = (
    "stages: [read: {text_layer: false}, render, extract: {engine: {config: QwenTextEchoConfig, reply: from file}}]\n"
)


class NarrowEchoConfig(QwenTextEchoConfig):
    """An engine that honours no parameter beyond those that every engine honours."""

    label = "Narrow"
    supports = frozenset()


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf_of_texts(["This is the only page of a letter that we wrote to you."]))
    return path


@pytest.fixture
def echo(tmp_path: Path) -> str:
    """A pipeline whose model answers `from file`."""
    path = tmp_path / "echo.yaml"
    path.write_text(ECHO)
    return str(path)


def options(**given: object) -> EngineOptions:
    """What the user said, all of it on the command line."""
    names = frozenset(given)
    return EngineOptions(**given, said=names, meant=names)  # type: ignore[arg-type]


def asking(config: EngineConfig | None = None) -> Pipeline:
    """A pipeline that asks one model."""
    return Pipeline("asking", (Read(), Render(), Extract(engine=config or QwenTextEchoConfig())))


@pytest.mark.parametrize(
    ("given", "environment", "said"),
    [
        ([], {}, "from file"),
        (["--engine-arg", "reply=from here"], {}, "from here"),
        (["--config", "QwenTextEchoConfig", "--engine-arg", "reply=of another"], {}, "of another"),
        (["--engine-arg", "reply=one two three", "--max-tokens", "2"], {}, "one two"),
        (["--engine-arg", "reply=one two three"], {"OMNIPIPE_MAX_TOKENS": "1"}, "one"),
        (["--engine-arg", "reply=one two three", "--max-tokens", "2"], {"OMNIPIPE_MAX_TOKENS": "1"}, "one two"),
    ],
)
def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    given: list[str],
    environment: dict[str, str],
    said: str,
    letter: Path,
    echo: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    config = _config_of(["-p", echo, *given], capsys)

    words = str(config["reply"]).split()[: config["generation"]["max_tokens"]]
    assert " ".join(words) == said


def _config_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The settings of the engine that the command line means, as `config show` prints them."""
    assert run_command(["config", "show", "--json", *arguments]) == 0, capsys.readouterr().err
    stages = json.loads(capsys.readouterr().out)["stages"]
    found: dict[str, Any] = next(stage["extract"]["engine"] for stage in stages if "extract" in stage)
    return found


def test_little_memory_is_one_option_and_others_still_win(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["-p", "vlm", "--preset", "low-memory"]

    vllm = _config_of(asked, capsys)
    pytorch = _config_of([*asked, "--config", "QwenTextPyTorchConfig"], capsys)
    own = _config_of([*asked, "--dtype", "float16", "--engine-arg", "max_num_seqs=2", "--max-tokens", "9"], capsys)

    assert (vllm["dtype"], vllm["max_num_seqs"], vllm["generation"]["max_tokens"]) == ("bfloat16", 4, 2048)
    assert (pytorch["torch_dtype"], pytorch["batch_size"], pytorch["generation"]["max_tokens"]) == ("bfloat16", 1, 2048)
    assert (own["dtype"], own["max_num_seqs"], own["generation"]["max_tokens"]) == ("float16", 2, 9)


def test_a_run_asks_the_engine_that_the_command_line_names(
    letter: Path, echo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    arguments = ["run", str(letter), "-o", out, "-p", echo, "--runner", "local", "--json", "-q"]

    code = run_command([*arguments, "--engine-arg", "reply=from here"])

    summary = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (summary["statuses"], summary["routes"]) == ({"ok": 1}, {"vlm": 1})


MISTAKES = [
    (["-p", "{echo}", "--config", "QwenTextVLMConfig"], "Did you mean QwenTextVLLMConfig?"),
    (["-p", "{echo}", "--tensor-parallel-size", "2"], "--tensor-parallel-size: QwenTextEchoConfig has no such setting"),
    (["-p", "{echo}", "--tensor-parallel-size", "2"], "Backends that have it: vllm."),
    (["-p", "{echo}", "--engine-arg", "replly=x"], "--engine-arg replly: QwenTextEchoConfig has no such setting"),
    (["-p", "{echo}", "--engine-arg", "reply"], "is not NAME=VALUE"),
    (["-p", "{echo}", "--engine-arg", "decoder.temprature=1"], "--engine-arg decoder.temprature"),
    (["-p", "{echo}", "--max-tokens", "0"], "max_tokens of QwenTextEchoConfig is '0'"),
    (["-p", "{echo}", "--model", ""], "model of QwenTextEchoConfig is ''"),
    (["-p", "{echo}", "--temperature", "3"], "temperature of QwenTextEchoConfig"),
    (["-p", "{echo}", "--max-tokens", "5", "--engine-arg", "max_tokens=6"], "is given twice"),
    (["-p", "{echo}", "--backend", "jax"], "--backend: there is no backend 'jax'"),
    (["-p", "{echo}", "--backend", "tensorrt"], "planned"),
    (["-p", "{echo}", "--backend", "mlx", "--config", "QwenTextVLLMConfig"], "QwenTextVLLMConfig is for vllm"),
    (["-p", "default", "--config", "QwenTextEchoConfig"], "Use -p vlm"),
    (["-p", "default", "--max-tokens", "9"], "no model is named"),
    (["-p", "{echo}", "--strict", "--ignore-backend-warnings"], "exclude each other"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=[" ".join(arguments) for arguments, _ in MISTAKES])
@pytest.mark.parametrize("command", ["extract", "run"])
def test_a_wrong_engine_or_setting_is_exit_code_2_before_any_page_is_read(
    command: str,
    arguments: list[str],
    words: str,
    letter: Path,
    echo: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    given = [argument.format(echo=echo) for argument in arguments]
    place = ["-o", str(out)] if command == "run" else []

    code = run_command([command, str(letter), *place, *given])

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not out.exists()


def test_a_wrong_backend_in_the_environment_names_the_variable_and_the_valid_ones(
    letter: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMNIDOCS_BACKEND", "jax")

    assert run_command(["extract", str(letter)]) == 2

    said = capsys.readouterr().err
    assert "OMNIDOCS_BACKEND: there is no backend 'jax'" in said
    assert "pytorch, vllm, mlx, api, llamacpp or auto" in said


def test_the_environment_does_not_change_pipelines_without_a_model(
    letter: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMNIPIPE_BACKEND", "vllm")
    monkeypatch.setenv("OMNIPIPE_MAX_TOKENS", "7")

    assert run_command(["extract", str(letter), "-p", "text_layer"]) == 0
    assert "the only page" in capsys.readouterr().out


def test_an_engine_without_a_pipeline_means_the_models_pipeline() -> None:
    assert engine.pipeline_name("default", options(config="QwenTextVLLMConfig")) == "vlm"
    assert engine.pipeline_name("default", options(backend="vllm")) == "vlm"
    assert engine.pipeline_name("default", EngineOptions(config="X", meant=frozenset({"config"}))) == "default"
    named = EngineOptions(config="X", said=frozenset({"config", "pipeline"}), meant=frozenset({"config", "pipeline"}))
    assert engine.pipeline_name("mine", named) == "mine"
    assert engine.pipeline_name("default", options(offline=True)) == "default"


def test_another_backend_keeps_the_model_and_the_generation_parameters() -> None:
    current = QwenTextEchoConfig(model="./mine", reply="x", generation=GenerationParams(temperature=0.5))

    changed = engine.build_engine_config(options(backend="vllm"), current)

    assert type(changed).__name__ == "QwenTextVLLMConfig"
    assert changed.model == "./mine"
    assert changed.generation == GenerationParams(temperature=0.5)


def test_auto_says_what_it_took_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    changed = engine.build_engine_config(options(backend="auto"), QwenTextEchoConfig())

    said = capsys.readouterr().err
    assert said.startswith(f"omnipipe: backend {changed.engine}: ")


def test_engine_arguments_reach_fields_sections_and_the_engines_own_options() -> None:
    asked = options(
        config="QwenTextVLLMConfig",
        engine_arg=["max-model-len=4096", "decoder.top_p=0.9", "sharding.num_gpus=2", "max_num_partial_prefills=2"],
    )

    config = engine.build_engine_config(asked)

    settings = config.model_dump()
    assert settings["max_model_len"] == 4096
    assert settings["tensor_parallel_size"] == 2
    assert settings["engine_args"] == {"max_num_partial_prefills": 2}
    assert config.generation.top_p == 0.9


def test_every_stage_that_asks_a_model_gets_the_engine() -> None:
    config = QwenTextEchoConfig(reply="new")
    twice = Pipeline("twice", (*asking().stages, Extract(engine=QwenTextEchoConfig(reply="old"))))

    assert engine.with_engine(twice, config).engines == (config, config)
    with pytest.raises(ConfigError, match=r"'text_layer' asks no model. Use -p vlm"):
        engine.with_engine(load_pipeline("text_layer"), config)


def test_a_parameter_that_the_engine_lacks_is_a_warning_silence_or_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipeline = asking(NarrowEchoConfig(generation=GenerationParams(no_repeat_ngram_size=3)))
    sentence = "decoder.no_repeat_ngram_size not supported by Narrow. Use repetition_penalty instead."

    engine.check_engines(pipeline, EngineOptions(), strict=False)
    assert capsys.readouterr().err == f"omnipipe: WARNING: {sentence}\n"

    engine.check_engines(pipeline, options(ignore_backend_warnings=True), strict=False)
    assert capsys.readouterr().err == ""

    with pytest.raises(ConfigError) as caught:
        engine.check_engines(pipeline, EngineOptions(), strict=True)
    assert str(caught.value) == sentence


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command sets in the environment is gone after the test."""
    for name in ("OMNIPIPE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")


@pytest.mark.usefixtures("own_environment")
def test_offline_refuses_engines_that_send_pages_away() -> None:
    there = engine.build_engine_config(options(config="QwenTextAPIConfig", base_url="http://gpu-box:8000/v1"))
    here = engine.build_engine_config(options(config="QwenTextAPIConfig", base_url="http://127.0.0.1:8000/v1"))

    with pytest.raises(ConfigError, match=r"--offline: QwenTextAPIConfig sends pages to gpu-box"):
        engine.check_engines(asking(there), options(offline=True), strict=False)
    engine.check_engines(asking(here), options(offline=True), strict=False)
    engine.check_engines(asking(), options(offline=True), strict=False)


def test_pages_do_not_leave_the_machine_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    there = engine.build_engine_config(options(config="QwenTextAPIConfig", base_url="http://gpu-box:8000/v1"))

    engine.check_engines(asking(there), EngineOptions(), strict=False)

    assert capsys.readouterr().err == "omnipipe: API backend: pages leave this machine and go to gpu-box.\n"


@pytest.mark.parametrize(
    ("backend", "base_url", "flavour"),
    [
        ("sglang", "http://localhost:6864/v1", "sglang"),
        ("remote_vllm", "http://localhost:8000/v1", "vllm"),
        ("openrouter", "https://openrouter.ai/api/v1", "openrouter"),
    ],
)
def test_a_named_server_is_the_api_engine_set_up_for_it(backend: str, base_url: str, flavour: str) -> None:
    named = engine.build_engine_config(options(backend=backend, config="QwenTextAPIConfig")).model_dump()
    switched = engine.build_engine_config(options(backend=backend), QwenTextEchoConfig()).model_dump()
    elsewhere = engine.build_engine_config(options(backend=backend, base_url="http://box:1/v1"), QwenTextEchoConfig())

    assert (named["base_url"], named["flavour"]) == (base_url, flavour)
    assert (switched["base_url"], switched["flavour"]) == (base_url, flavour)
    assert elsewhere.model_dump()["base_url"] == "http://box:1/v1"


def test_a_server_without_a_usual_address_needs_one() -> None:
    with pytest.raises(ConfigError, match=r"--backend azure needs the server's address. Add --base-url URL"):
        engine.build_engine_config(options(backend="azure"), QwenTextEchoConfig())


def test_a_key_is_never_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    secret = "sk-never-shown"
    given = ["--config", "QwenTextAPIConfig", "--engine-arg", f"api_key={secret}"]

    assert run_command(["config", "show", "-p", "api", *given]) == 0
    assert run_command(["config", "show", "-p", "api", *given, "--engine-arg", "max_concurrency=x"]) == 2
    assert run_command(["config", "show", "-p", "api", *given[:2], "--engine-arg", f"api_key=[{secret}]"]) == 2

    said = capsys.readouterr()
    assert secret not in said.out + said.err


def test_every_shown_setting_makes_the_same_config(capsys: pytest.CaptureFixture[str], echo: str) -> None:
    shown = _config_of(["-p", echo, "--max-tokens", "5"], capsys)

    assert shown.pop("config") == "QwenTextEchoConfig"
    again = QwenTextEchoConfig.model_validate(shown)
    assert (again.reply, again.generation.max_tokens) == ("from file", 5)


def test_a_document_is_read_with_a_real_model_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers", reason="the pytorch extra is not installed")
    texts = random_pages(3, seed=5)
    document, pipeline = tmp_path / "scan.pdf", tmp_path / "tiny.yaml"
    document.write_bytes(pdf_of_pages(texts))
    pipeline.write_text(
        "stages:\n  - read: {text_layer: false}\n  - render: {dpi: 72, small_side: 0, multiple_of: 1, format: png}\n"
        "  - extract: {engine: {config: QwenTextVLLMConfig}}\n"
    )
    chosen = ["-p", str(pipeline), "--backend", "pytorch", "--model", str(CHECKPOINT), "--dtype", "float32"]

    code = run_command(["extract", str(document), *chosen, "--device", "cpu", "--max-tokens", "80", "-f", "json"])

    said = capsys.readouterr()
    assert code == 0, said.err
    assert [json.loads(line)["text"] for line in said.out.splitlines()] == texts


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--config", "QwenTextAPIConfig", "--model", "m", "--base-url", "http://127.0.0.1:9/v1"], "no server answers"),
        (["--config", "QwenTextAPIConfig", "--model", "gpt-4o"], "Run: export OPENAI_API_KEY="),
        (["--config", "QwenTextAPIConfig", "--base-url", "ftp://box"], "is no web address"),
        (["--config", "QwenTextPyTorchConfig", "--model", "./nowhere"], "is not the folder of a checkpoint"),
        (["--config", "QwenTextPyTorchConfig", "--model", "Qwen/Qwen3-VL-7B-Instruct"], "Sizes are: 2B, 4B, 8B"),
        (["--config", "QwenTextVLLMConfig", "--engine-arg", "max_num_seq=4"], "Did you mean max_num_seqs?"),
        (["--config", "QwenTextLlamaCppConfig", "--model", "x.gguf"], "x.gguf is not a file"),
    ],
)
def test_what_a_real_engine_would_stumble_over_is_one_sentence_before_any_page(
    given: list[str], words: str, letter: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("openai", "transformers", "vllm", "llama_cpp"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    code = run_command(["extract", str(letter), *given])

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1
