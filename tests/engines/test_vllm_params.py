"""vLLM's settings and parameters, against the installed vLLM and without loading an engine."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from omnipipe.config import result_settings
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.engines.vllm_check import installed_build
from omnipipe.engines.vllm_params import SUPPORTED, to_sampling
from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.generation import GenerationParams, find_unsupported
from tests.tiny_reader import CHECKPOINT

needs_vllm = pytest.mark.skipif(installed_build() is None, reason="vLLM is not installed")
needs_cpu_build = pytest.mark.skipif(installed_build() != "cpu", reason="vLLM's CPU build is not installed")


def config(**settings: object) -> VLLMConfig:
    return VLLMConfig.model_validate({"model": str(CHECKPOINT), **settings})


# Ours, and what the installed SamplingParams must hold afterwards.
TABLE = [
    ({}, {"max_tokens": 4096, "temperature": 0.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "seed": None}),
    ({"max_tokens": 7}, {"max_tokens": 7}),
    ({"max_new_tokens": 7}, {"max_tokens": 7}),
    ({"min_tokens": 3}, {"min_tokens": 3}),
    ({"max_tokens": 2, "min_tokens": 3}, {"max_tokens": 2, "min_tokens": 2}),
    ({"temperature": 0.5}, {"temperature": 0.5, "top_k": 0}),
    ({"temperature": 0.5, "top_k": -1}, {"top_k": 0}),
    ({"temperature": 0.5, "top_k": 20, "top_p": 0.8, "min_p": 0.1}, {"top_k": 20, "top_p": 0.8, "min_p": 0.1}),
    ({"do_sample": False, "temperature": 0.9}, {"temperature": 0.0}),
    ({"repetition_penalty": 1.1}, {"repetition_penalty": 1.1}),
    ({"presence_penalty": 0.5, "frequency_penalty": -0.5}, {"presence_penalty": 0.5, "frequency_penalty": -0.5}),
    ({"random_seed": 5}, {"seed": 5}),
    ({"stop": "END"}, {"stop": ["END"]}),
    ({"stop": ["a", "b"], "stop_token_ids": [1, 2]}, {"stop": ["a", "b"], "stop_token_ids": [1, 2]}),
    ({"logprobs": True}, {"logprobs": 0}),
    ({"logprobs": False}, {"logprobs": None}),
    ({"stop_on_repetition": False}, {"repetition_detection": None}),
]


@needs_vllm
@pytest.mark.slow
def test_parameters_mean_the_same_in_the_installed_vllm() -> None:
    """In a process of its own: vLLM takes many seconds to import and changes what it finds."""
    asked = [to_sampling(GenerationParams.model_validate(ours)) for ours, _ in TABLE]
    wanted = [theirs for _, theirs in TABLE]

    done = run_python(
        """
        import json, sys
        from vllm.sampling_params import RepetitionDetectionParams, SamplingParams
        asked, wanted = json.load(sys.stdin)
        for kwargs, holds in zip(asked, wanted, strict=True):
            if kwargs["repetition_detection"] is not None:
                kwargs["repetition_detection"] = RepetitionDetectionParams(**kwargs["repetition_detection"])
            params = SamplingParams(**kwargs)
            for name, value in holds.items():
                assert getattr(params, name) == value, (name, value, getattr(params, name))
        print("same")
        """,
        json.dumps([asked, wanted]),
    )

    assert done == "same"


@needs_vllm
def test_every_supported_parameter_is_passed_on_under_a_name_that_vllm_has() -> None:
    passed = set(to_sampling(GenerationParams()))
    renamed = {"stop_on_repetition": "repetition_detection"}

    assert {renamed.get(name, name) for name in SUPPORTED} == passed
    assert passed <= fields_of("sampling_params.py", "SamplingParams")


def test_the_parameter_that_vllm_lacks_is_named_with_its_replacement() -> None:
    lacking = find_unsupported(GenerationParams(no_repeat_ngram_size=3), VLLMConfig.supports, VLLMConfig.label)

    assert [entry.message for entry in lacking] == [
        "decoder.no_repeat_ngram_size not supported by vLLM. Use repetition_penalty instead."
    ]


def test_eight_bits_are_refused_with_what_works() -> None:
    with pytest.raises(ValidationError, match="use 4-bit or pre-quantized GPTQ/AWQ models"):
        config(quantization="8bit")


@needs_cpu_build
def test_heads_that_do_not_divide_are_refused_with_the_sizes_that_do() -> None:
    with pytest.raises(ConfigError) as caught:
        config(tensor_parallel_size=3).check()

    assert str(caught.value) == (
        f"tensor_parallel_size=3 does not divide the 4 attention heads of {CHECKPOINT}. Use 1, 2 or 4."
    )


@needs_cpu_build
def test_a_longer_context_than_the_checkpoint_has_is_refused_and_the_default_fits() -> None:
    with pytest.raises(ConfigError, match=r"max_model_len=9000 is more than the 4096 positions .* Use 4096 or less"):
        config(max_model_len=9000).check()

    config().check()


@needs_vllm
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu_memory_utilisation", r"is not an option of vLLM [\d.+a-z]+\. Did you mean gpu_memory_utilization\?"),
        ("block_sise", r"Did you mean block_size\?"),
        ("qqqqqqqqqq", r"See "),
    ],
)
def test_an_unknown_engine_option_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"engine_args\.{name} .*{message}"):
        config(engine_args={name: 1}).check()


def test_an_engine_option_that_is_a_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"engine_args\.dtype is a setting of its own"):
        config(engine_args={"dtype": "float32"})


@needs_cpu_build
def test_engine_options_that_vllm_has_pass_through() -> None:
    config(engine_args={"block_size": 32, "enable_log_requests": True, "hf_overrides": {}}).check()


@needs_vllm
def test_a_folder_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"is not the folder of a checkpoint"):
        config(model="./no/such/folder").check()


@needs_vllm
def test_an_adapter_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lora\.notes: .* has no adapter_config\.json"):
        config(lora={"notes": "./nowhere"}).check()


@needs_cpu_build
def test_a_cpu_build_holds_no_gpu_and_says_so_where_one_is_wanted() -> None:
    assert config(tensor_parallel_size=2).num_gpus == 0
    assert config(device="cuda", tensor_parallel_size=2, pipeline_parallel_size=2).num_gpus == 4
    with pytest.raises(ConfigError, match=r"device=cuda: the installed vLLM is its CPU build"):
        config(device="cuda").check()


def test_where_the_work_is_done_does_not_change_what_a_row_is() -> None:
    plain = result_settings(config())

    assert result_settings(config(tensor_parallel_size=2, max_num_seqs=8, gpu_memory_utilization=0.5)) == plain
    assert result_settings(config(engine_args={"block_size": 32})) == plain
    assert result_settings(config(engine_args={"kv_cache_dtype": "fp8"})) != plain
    for changed in ({"dtype": "float32"}, {"quantization": "4bit"}, {"max_model_len": 100}, {"temperature": 0.1}):
        assert result_settings(config(**changed)) != plain


def test_an_adapter_counts_by_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text("{}")
    one, two = (result_settings(config(lora={"notes": str(tmp_path / name)})) for name in ("one", "two"))

    assert one == two

    (tmp_path / "two" / "adapter_model.safetensors").write_bytes(b"other weights")
    shutil.copytree(tmp_path / "two", tmp_path / "three")

    assert result_settings(config(lora={"notes": str(tmp_path / "three")})) != one


def test_without_vllm_one_sentence_says_what_to_install() -> None:
    said = run_python(
        """
        import sys
        sys.modules["vllm"] = None
        from omnipipe.engines.vllm import VLLMConfig
        from omnipipe.errors import MissingExtraError
        print(VLLMConfig.probe())
        try:
            VLLMConfig(model="some/model").check()
        except MissingExtraError as error:
            print(error)
        """
    )

    assert "missing extra" in said
    assert "VLLM backend requires vllm. Install with: pip install omnipipe[vllm]" in said
    assert issubclass(MissingExtraError, ImportError)


def test_no_heavy_library_is_imported_before_an_engine_opens() -> None:
    said = run_python(
        f"""
        import sys
        from omnipipe.engines.vllm import VLLMConfig
        config = VLLMConfig(model={str(CHECKPOINT)!r}, engine_args={{"block_size": 32}})
        VLLMConfig.probe()
        try:
            config.check()
        except Exception as error:
            print(type(error).__name__)
        config.build()
        print(sorted(set(sys.modules) & {{"vllm", "torch", "transformers", "PIL", "numpy", "psutil", "ray"}}))
        """
    )

    assert said.splitlines()[-1] == "[]"


def fields_of(file: str, *classes: str) -> set[str]:
    """Names of the annotated fields of classes of the installed vLLM, without importing it."""
    from importlib.util import find_spec

    spec = find_spec("vllm")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse((Path(spec.origin).parent / file).read_text())
    return {
        entry.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in classes
        for entry in node.body
        if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name)
    }


def run_python(code: str, given: str = "") -> str:
    """What `code` prints in an interpreter of its own."""
    import textwrap

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()
