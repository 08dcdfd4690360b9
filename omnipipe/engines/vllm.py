"""vLLM: settings of the engine that batches continuously, on GPUs or on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from omnipipe.config import operation
from omnipipe.engines.base import Capabilities, EngineConfig, Readiness
from omnipipe.engines.checkpoint import checkpoint_hash
from omnipipe.engines.vllm_check import check_config, is_on_cpu, probe
from omnipipe.engines.vllm_params import SUPPORTED

if TYPE_CHECKING:
    from omnipipe.engines.vllm_engine import VLLMEngine

_OPERATION_ARGS = frozenset(
    {
        "async_scheduling",
        "block_size",
        "distributed_executor_backend",
        "download_dir",
        "load_format",
        "max_cpu_loras",
        "max_loras",
        "max_num_queued_reqs",
        "max_parallel_loading_workers",
        "mm_encoder_tp_mode",
        "mm_processor_cache_gb",
        "renderer_num_workers",
        "skip_mm_profiling",
        "swap_space",
        "use_tqdm_on_load",
    }
)
"""Names of `engine_args` that change how the work is done and not what comes out."""


class VLLMConfig(EngineConfig):
    """vLLM in a process of its own beside this one; the names are vLLM's."""

    engine: ClassVar[str] = "vllm"
    label: ClassVar[str] = "vLLM"
    capabilities: ClassVar[Capabilities] = Capabilities(
        continuous_batching=True,
        tensor_parallelism=True,
        lora=True,
        quantization_4bit=True,
        prefix_caching=True,
        streaming=True,
        cpu=True,
        structured_output=True,
        logprobs=True,
        repetition_stop=True,
    )
    supports: ClassVar[frozenset[str]] = SUPPORTED

    device: Literal["auto", "cuda", "cpu"] = operation(
        "auto", description="auto takes what the installed vLLM was built for; cuda also where the GPUs are elsewhere."
    )
    dtype: Literal["auto", "float16", "bfloat16", "float32"] = Field("auto", description="Type of the weights.")
    quantization: str | None = Field(None, description="4bit, or one of vLLM's methods (awq, gptq, fp8, ...).")
    max_model_len: int = Field(8192, ge=1, description="Tokens of prompt and answer together at most.")
    revision: str | None = Field(None, description="Branch, tag or commit of a model id.")
    trust_remote_code: bool | None = operation(
        None, description="Run code that comes with the checkpoint; by default where its family needs it."
    )
    lora: Mapping[str, str] = Field({}, description="LoRA adapters: name and folder.")
    max_lora_rank: int = operation(64, ge=1, description="Rank of the largest adapter.")
    mm_processor_kwargs: Mapping[str, JsonValue] = Field({}, description="Options of the checkpoint's processor.")
    limit_mm_per_prompt: Mapping[str, int | dict[str, int]] = operation(
        {"image": 1, "video": 0}, description="Pictures of one request at most; memory is kept for them."
    )

    tensor_parallel_size: int = operation(1, ge=1, description="GPUs that share each layer.")
    pipeline_parallel_size: int = operation(1, ge=1, description="Groups of GPUs that share the layers out.")
    gpu_memory_utilization: float = operation(0.9, gt=0, le=1, description="Share of each GPU's memory to use.")
    kv_cache_memory_bytes: int | None = operation(
        None, ge=1, description="Memory for the KV cache, in bytes; measured on a GPU, computed on the CPU."
    )
    max_num_seqs: int = operation(64, ge=1, description="Requests that are worked on at once.")
    max_num_batched_tokens: int | None = operation(None, ge=1, description="Tokens of one step at most.")
    enforce_eager: bool = operation(False, description="Start sooner and run slower: no compilation, no CUDA graphs.")
    enable_prefix_caching: bool = operation(True, description="Keep what was computed for equal beginnings.")
    scheduling_policy: Literal["fcfs", "priority"] = operation(
        "fcfs", description="First come first served, or the priority of requests."
    )
    engine_args: Mapping[str, JsonValue] = operation({}, description="Further options of vLLM's AsyncEngineArgs.")

    @model_validator(mode="after")
    def _no_setting_twice(self) -> VLLMConfig:
        own = type(self).model_fields.keys() | {"enable_lora"}
        if twice := sorted(self.engine_args.keys() & own):
            remedy = "lora" if twice[0] == "enable_lora" else twice[0]
            raise ValueError(f"engine_args.{twice[0]} is a setting of its own. Set {remedy} instead")
        if (self.quantization or "").lower() in {"8bit", "8-bit", "int8"}:
            raise ValueError("8-bit quantization is not supported by vLLM: use 4-bit or pre-quantized GPTQ/AWQ models")
        return self

    def identity(self) -> Mapping[str, object]:
        """As of every engine; adapters count by their files, of `engine_args` what may change an answer."""
        args = {name: value for name, value in self.engine_args.items() if name not in _OPERATION_ARGS}
        adapters = {name: checkpoint_hash(folder) or folder for name, folder in sorted(self.lora.items())}
        return {**super().identity(), "lora": adapters, "engine_args": args}

    @property
    def num_gpus(self) -> float:
        return 0.0 if is_on_cpu(self.device) else float(self.tensor_parallel_size * self.pipeline_parallel_size)

    @property
    def num_running(self) -> int:
        return self.max_num_seqs

    @property
    def trusts_remote_code(self) -> bool:
        """What `trust_remote_code` says, or the family's need."""
        if self.trust_remote_code is not None:
            return self.trust_remote_code
        family = getattr(self, "family", None)
        return family is not None and family.trust_remote_code

    @classmethod
    def probe(cls) -> Readiness:
        return probe()

    def check(self) -> None:
        check_config(self)

    def build(self) -> VLLMEngine:
        from omnipipe.engines.vllm_engine import VLLMEngine

        return VLLMEngine(self)
