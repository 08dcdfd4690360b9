"""What is said of the PyTorch engine's settings before any page is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omnipipe.config import result_settings
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.pytorch_check import has_cuda
from omnipipe.errors import ConfigError, MissingExtraError
from tests.engines.alone import run_alone
from tests.tiny_reader import CHECKPOINT

pytest.importorskip("transformers", reason="the settings are checked against the installed transformers")

MODEL = str(CHECKPOINT)


def config(**settings: object) -> PyTorchConfig:
    return PyTorchConfig.model_validate({"model": MODEL, **settings})


def checkpoint_with(folder: Path, **changes: object) -> str:
    """A copy of the reader whose config.json has `changes`."""
    shutil.copytree(CHECKPOINT, folder)
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**said, **changes}))
    return str(folder)


def test_the_reader_passes() -> None:
    config(device="cpu").check()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "./nowhere"}, r"model=\./nowhere is not the folder of a checkpoint\. Name a folder, or a model id"),
        ({"model": "tests"}, r"model=tests: config\.json cannot be read"),
        ({"max_model_len": 9999}, r"max_model_len=9999 is more than the 4096 positions of .* Use 4096 or less"),
        ({"lora": {"law": "tests"}}, r"lora\.law: tests has no adapter_config\.json"),
        ({"device": "cpu", "device_map": "auto"}, r"device_map=auto and device=cpu conflict\. Keep one of them"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(**settings).check()


@pytest.mark.skipif(has_cuda(), reason="a GPU is here")
def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    with pytest.raises(ConfigError, match=r"device=cuda: no GPU is visible\. Use the API backend, or device=cpu"):
        config(device="cuda").check()
    with pytest.raises(ConfigError, match="use_flash_attention needs a GPU"):
        config(use_flash_attention=True).check()
    assert config(device="auto").num_gpus == 0


def test_a_checkpoint_without_pictures_is_refused(tmp_path: Path) -> None:
    model = checkpoint_with(tmp_path / "bert", model_type="bert", architectures=["BertForMaskedLM"])

    with pytest.raises(ConfigError, match=r"is a BertForMaskedLM, which transformers .* Name a vision-language"):
        config(model=model).check()


def test_code_of_a_checkpoint_is_not_run_unasked(tmp_path: Path) -> None:
    own = {"AutoModel": "modeling.Own"}
    model = checkpoint_with(tmp_path / "own", model_type="own", auto_map=own)

    with pytest.raises(ConfigError, match=r"runs Python code of its own. Read it, then set trust_remote_code=True"):
        config(model=model).check()
    config(model=model, trust_remote_code=True).check()


def test_code_of_a_checkpoint_is_run_when_asked(tmp_path: Path) -> None:
    model = checkpoint_with(tmp_path / "own", auto_map={"AutoModelForCausalLM": "modeling_own.Own"})
    (tmp_path / "own" / "modeling_own.py").write_text(
        "from transformers import Qwen3VLForConditionalGeneration\n\n\n"
        "class Own(Qwen3VLForConditionalGeneration):\n"
        "    def generate(self, *args, **kwargs):\n"
        "        print('own code')\n"
        "        return super().generate(*args, **kwargs)\n"
    )

    said = _run(
        "from omnipipe.engines.pytorch import PyTorchConfig\n"
        "from tests.engines.contract import opened, read_request\n"
        f"config = PyTorchConfig(model={model!r}, device='cpu', torch_dtype='float32', trust_remote_code=True)\n"
        "with opened(config) as engine:\n"
        "    print(engine.submit(read_request('Mine')).result().text)\n",
        HF_HOME=str(tmp_path / "home"),
    )

    assert said.splitlines() == ["own code", "Mine"]


@pytest.mark.parametrize(
    "settings", [{"quantization": "4bit"}, {"quantization": {"load_in_8bit": True}}, {"quantization": "8bit"}]
)
def test_quantisation_names_the_package_it_needs(settings: dict[str, object]) -> None:
    if _has("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")

    with pytest.raises(MissingExtraError, match=r"requires bitsandbytes. Install with: pip install bitsandbytes"):
        config(**settings).check()


def test_both_spellings_of_other_tools_are_understood() -> None:
    given = config(
        torch_dtype="bfloat16",
        quantization={"load_in_4bit": True},
        batching={"batch_size": 3, "strategy": "static"},
        lora="adapter",
        max_new_tokens=17,
    )

    assert given.torch_dtype == config(dtype="bfloat16").torch_dtype
    assert given.quantization == "4bit"
    assert (given.batch_size, given.num_running, given.batch_strategy) == (3, 3, "static")
    assert given.lora == {"default": "adapter"}
    assert given.generation.max_tokens == 17


def test_how_the_work_is_done_stays_out_of_the_identity() -> None:
    plain = result_settings(config())

    assert plain == result_settings(config(device="cpu", batch_size=3, max_batch_tokens=100, device_map="auto"))
    assert plain != result_settings(config(dtype="float32"))
    assert plain != result_settings(config(quantization="4bit"))


def test_nothing_heavy_is_imported_before_open() -> None:
    said = _run(
        "import sys\n"
        "from omnipipe.engines.pytorch import PyTorchConfig\n"
        f"config = PyTorchConfig(model={MODEL!r}, device='cpu')\n"
        "config.check(); config.probe(); config.build()\n"
        "print([name for name in ('torch', 'transformers', 'peft', 'accelerate', 'numpy') if name in sys.modules])\n"
    )

    assert said == "[]"


@pytest.mark.parametrize("package", ["transformers", "torch"])
def test_a_missing_package_is_one_sentence_with_its_command(package: str) -> None:
    said = _run(
        "import importlib.abc, importlib.util, sys\n"
        "find_spec = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {package!r} else find_spec(name, *rest)\n"
        "from omnipipe.engines.pytorch import PyTorchConfig\n"
        "print(PyTorchConfig.probe().state, PyTorchConfig.probe().fix)\n"
        "try:\n"
        f"    PyTorchConfig(model={MODEL!r}).check()\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )

    assert said.splitlines() == [
        "missing extra pip install omnipipe[pytorch]",
        f"PyTorch backend requires {package}. Install with: pip install omnipipe[pytorch]",
    ]


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_a_model_that_cannot_be_had_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    said = _run(
        "import asyncio\n"
        "from omnipipe.engines.pytorch import PyTorchConfig\n"
        "try:\n"
        "    asyncio.run(PyTorchConfig(model='nobody/no-such-model').build().open())\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n",
        HF_HOME=str(tmp_path),
        **environment,
    )

    assert said == (
        "ConfigError model=nobody/no-such-model is neither a folder nor a model that can be had from the Hugging Face"
        " hub or its cache. See that the id is right and the network there, or name a folder."
    )


def _has(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


def _run(code: str, **environment: str) -> str:
    """What `code` prints in a Python of its own."""
    finished = run_alone(code, **environment)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout.strip()
