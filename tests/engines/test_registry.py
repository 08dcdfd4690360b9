"""Engines by name, and which one `auto` takes on machines of several kinds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from omnipipe.engines.base import EngineConfig, Readiness
from omnipipe.engines.choice import (
    Machine,
    backend_of_environment,
    checked_backend,
    choose_backend,
    require_extra,
    this_machine,
)
from omnipipe.engines.registry import ENGINES, PRESETS, backends, engine_names, find_engine
from omnipipe.errors import ConfigError

READY = Readiness("ready", "here")
MISSING = {
    name: Readiness("missing extra", f"{name} is not installed", f"pip install omnipipe[{name}]") for name in ENGINES
}

LAPTOP = Machine("Linux", False, 0, {**MISSING, "pytorch": READY})
WORKSTATION = Machine("Linux", False, 1, {**MISSING, "pytorch": READY, "vllm": READY})
MAC = Machine("Darwin", True, 0, {**MISSING, "pytorch": READY, "mlx": READY})
BARE = Machine("Linux", False, 0, {**MISSING, "api": READY}, has_api_key=True)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_every_engine_is_found_by_its_own_name(name: str) -> None:
    found = find_engine(name)

    assert issubclass(found, EngineConfig)
    assert found.engine == name


@pytest.mark.parametrize(
    ("asked", "name"), [("openai", "api"), ("native", "pytorch"), ("llama.cpp", "llamacpp"), (" VLLM ", "vllm")]
)
def test_an_engine_has_the_names_that_other_tools_use(asked: str, name: str) -> None:
    assert find_engine(asked).engine == name


def test_echo_can_be_had_and_is_not_listed() -> None:
    assert find_engine("echo").engine == "echo"
    assert "echo" not in engine_names()
    assert "echo" not in {entry.name for entry in backends()}


def test_a_planned_engine_is_listed_as_planned_and_cannot_be_used() -> None:
    assert {entry.name: entry.readiness.state for entry in backends()}["tensorrt"] == "planned"
    with pytest.raises(ConfigError, match=r"'tensorrt'.*is planned and not there yet"):
        find_engine("tensorrt")


def test_a_wrong_name_is_told_the_right_ones() -> None:
    with pytest.raises(ConfigError, match=r"'pytorhc'. Did you mean 'pytorch'\? Backends: pytorch, vllm, mlx, api, "):
        find_engine("pytorhc")


def test_no_engine_is_loaded_by_looking_at_all_of_them() -> None:
    code = (
        "import sys\n"
        "from omnipipe.engines.choice import this_machine\n"
        "from omnipipe.engines.registry import backends\n"
        "backends(), this_machine()\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)

    heavy = ("torch", "transformers", "vllm", "mlx", "mlx_vlm", "openai", "llama_cpp", "ray", "numpy", "PIL")
    assert [name for name in heavy if f"'{name}'" in done.stdout] == []


@pytest.mark.parametrize(
    ("machine", "backend", "why"),
    [
        (LAPTOP, "pytorch", "no GPU, so on the CPU"),
        (WORKSTATION, "vllm", "1 GPU"),
        (WORKSTATION._replace(num_gpus=2, readiness={**MISSING, "pytorch": READY}), "pytorch", "2 GPUs"),
        (MAC, "mlx", "Apple silicon"),
        (MAC._replace(readiness={**MISSING, "pytorch": READY}), "pytorch", "Apple's GPU"),
        (LAPTOP._replace(readiness={**MISSING, "vllm": READY}), "vllm", "works on the CPU"),
        (BARE, "api", "Pages leave this machine"),
    ],
)
def test_auto_takes_what_is_there_and_says_why(machine: Machine, backend: str, why: str) -> None:
    choice = choose_backend(machine)

    assert choice.backend == backend
    assert choice.reason.startswith(f"{backend}: ")
    assert why in choice.reason


def test_auto_takes_only_what_the_model_has() -> None:
    assert choose_backend(WORKSTATION, ["pytorch", "mlx"]).backend == "pytorch"


@pytest.mark.parametrize("machine", [LAPTOP, WORKSTATION, MAC])
def test_pages_do_not_leave_a_machine_that_can_read_them(machine: Machine) -> None:
    with_key = machine._replace(readiness={**machine.readiness, "api": READY}, has_api_key=True)

    assert choose_backend(with_key) == choose_backend(machine)


@pytest.mark.parametrize(
    ("machine", "fix"),
    [
        (BARE._replace(has_api_key=False), r"pip install omnipipe\[pytorch\]"),
        (WORKSTATION._replace(readiness=MISSING), r"pip install omnipipe\[vllm\]"),
        (MAC._replace(readiness=MISSING), r"pip install omnipipe\[mlx\]"),
    ],
)
def test_a_machine_without_engines_is_told_what_to_install(machine: Machine, fix: str) -> None:
    with pytest.raises(ConfigError, match=rf"no backend can run here. Install with: {fix}.*OPENAI_API_KEY"):
        choose_backend(machine)


def test_this_machine_is_described_by_what_is_installed() -> None:
    machine = this_machine({"CUDA_VISIBLE_DEVICES": "0,1", "OPENAI_API_KEY": "k"})

    assert machine.num_gpus == 2
    assert machine.has_api_key
    assert set(machine.readiness) == set(ENGINES)
    assert not this_machine({"CUDA_VISIBLE_DEVICES": "-1"}).num_gpus


@pytest.mark.parametrize(
    ("environment", "backend"),
    [
        ({}, None),
        ({"OMNIPIPE_BACKEND": ""}, None),
        ({"OMNIPIPE_BACKEND": "vllm"}, "vllm"),
        ({"OMNIDOCS_BACKEND": "mlx"}, "mlx"),
        ({"OMNIPIPE_BACKEND": "auto", "OMNIDOCS_BACKEND": "mlx"}, "auto"),
    ],
)
def test_the_environment_may_name_the_backend(environment: dict[str, str], backend: str | None) -> None:
    assert backend_of_environment(environment) == backend


def test_a_wrong_backend_in_the_environment_is_refused_with_the_valid_names() -> None:
    with pytest.raises(
        ConfigError, match=r"OMNIDOCS_BACKEND: there is no backend 'jax'.*pytorch, vllm, mlx, api.*auto"
    ):
        backend_of_environment({"OMNIDOCS_BACKEND": "jax"})
    with pytest.raises(ConfigError, match="--backend: backend 'tensorrt'"):
        checked_backend("tensorrt", "--backend")


def test_a_missing_extra_is_the_promised_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        require_extra("vllm", MISSING["vllm"])

    promised = "ERROR: Backend 'vllm' requires extra dependencies. Install with: pip install omnipipe[vllm]"
    assert str(caught.value) == promised
    require_extra("vllm", READY)


def test_every_engine_has_an_extra_of_its_own_with_its_libraries() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    extras = {
        extra: {re.split(r"[\[<>=;, ]", requirement)[0] for requirement in named}
        for extra, named in project["optional-dependencies"].items()
    }

    assert extras["pytorch"] >= {"torch", "transformers", "accelerate"}
    assert extras["vllm"] == {"vllm"}
    assert extras["mlx"] == {"mlx-vlm"}
    assert extras["api"] == {"openai"}
    assert extras["llamacpp"] == {"llama-cpp-python"}
    needed = {re.split(r"[\[<>=;, ]", requirement)[0] for requirement in project["dependencies"]}
    assert needed.isdisjoint(set.union(*(extras[name] for name in ENGINES)))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_server_that_is_known_by_name_is_the_api_engine(name: str) -> None:
    assert find_engine(name).engine == "api"
    assert find_engine(name.replace("-", "_")) is find_engine(name)
