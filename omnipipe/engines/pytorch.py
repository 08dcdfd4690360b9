"""PyTorch: any vision-language model of transformers, in batches, on a GPU, a Mac or the CPU."""

from __future__ import annotations

import gc
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from omnipipe.config import operation
from omnipipe.engines.answer import Answer
from omnipipe.engines.base import Capabilities, EngineConfig, Readiness
from omnipipe.engines.batching import BatchEngine, BatchStrategy, OutOfMemoryError, Prepared
from omnipipe.engines.checkpoint import checkpoint_hash
from omnipipe.engines.pytorch_check import check_config, has_cuda, probe
from omnipipe.engines.pytorch_inputs import Asked, Inputs
from omnipipe.engines.pytorch_load import OOM_HELP, Loaded, load
from omnipipe.engines.pytorch_params import SUPPORTED, to_generation
from omnipipe.engines.pytorch_rows import Watch
from omnipipe.errors import EngineDeadError
from omnipipe.model import Completion, Request
from omnipipe.page import ProblemError


class PyTorchConfig(EngineConfig):
    """transformers in this process, with batches padded on the left."""

    engine: ClassVar[str] = "pytorch"
    label: ClassVar[str] = "PyTorch"
    capabilities: ClassVar[Capabilities] = Capabilities(
        lora=True,
        quantization_4bit=True,
        quantization_8bit=True,
        streaming=True,
        cpu=True,
        logprobs=True,
        repetition_stop=True,
    )
    supports: ClassVar[frozenset[str]] = SUPPORTED

    device: Literal["auto", "cuda", "mps", "cpu"] = operation(
        "auto", description="Where the model computes; auto takes a GPU if there is one. AMD's GPUs are cuda too."
    )
    torch_dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="Number format of the weights; auto is the checkpoint's."
    )
    device_map: str | None = operation(None, description="Spread the model over all visible GPUs: auto. Else None.")
    gpus: float | None = operation(None, ge=0, description="GPUs that one engine holds; None is one if it uses any.")
    trust_remote_code: bool = Field(False, description="Run the Python code that comes with the checkpoint.")
    revision: str | None = Field(None, description="Branch, tag or commit of the model on the hub.")
    use_flash_attention: bool = Field(False, description="Use FlashAttention 2 (experimental; its own package).")
    attn_implementation: str | None = Field(None, description="sdpa, eager, ...; None is transformers' choice.")
    quantization: Literal["4bit", "8bit"] | None = Field(None, description="Quantise by bitsandbytes while loading.")
    lora: Mapping[str, str] = Field({}, description="LoRA adapters: name and folder.")
    batch_size: int = operation(8, ge=1, description="Requests of a batch at most.")
    batch_strategy: BatchStrategy = operation(
        "dynamic", description="static batches in order of arrival, dynamic puts prompts of like length together."
    )
    max_batch_tokens: int | None = operation(
        None, ge=1, description="A batch's longest prompt times its requests at most; None is no bound."
    )
    max_model_len: int | None = Field(
        None, ge=1, description="Tokens of prompt and answer together at most; None is the checkpoint's."
    )

    @field_validator("lora", mode="before")
    @classmethod
    def _name_a_single_adapter(cls, given: Any) -> Any:
        return {"default": given} if isinstance(given, str) else given

    def identity(self) -> Mapping[str, object]:
        adapters = {name: checkpoint_hash(folder) or folder for name, folder in sorted(self.lora.items())}
        return {**super().identity(), "lora": adapters}

    @property
    def num_gpus(self) -> float:
        if self.gpus is not None:
            return self.gpus
        return 1.0 if self.device == "cuda" or (self.device == "auto" and has_cuda()) else 0.0

    @property
    def num_running(self) -> int:
        return self.batch_size

    @classmethod
    def probe(cls) -> Readiness:
        return probe()

    def check(self) -> None:
        check_config(self)

    def build(self) -> PyTorchEngine:
        return PyTorchEngine(self)


class PyTorchEngine(BatchEngine):
    """Prepares in one thread and generates in another; the model keeps state, so only one batch at a time."""

    config: PyTorchConfig
    prepares_ahead = True
    oom_help = OOM_HELP

    def __init__(self, config: PyTorchConfig) -> None:
        super().__init__(
            config,
            max_batch_size=config.batch_size,
            max_batch_tokens=config.max_batch_tokens,
            strategy=config.batch_strategy,
        )
        self._loaded: Loaded | None = None
        self._inputs: Inputs | None = None

    def _group(self, request: Request) -> Hashable:
        params = request.params.with_(max_tokens=1, seed=None) if request.params.is_greedy else request.params
        return params.with_(max_tokens=1), request.adapter

    def _load(self) -> None:
        self.config.check()
        self._loaded = load(self.config)
        self._inputs = Inputs(self._loaded.processor, self._loaded.pad_id)

    def _unload(self) -> None:
        self._loaded = self._inputs = None
        gc.collect()
        _empty_cache()

    def _prepare(self, request: Request) -> Asked:
        loaded, inputs = self._loaded, self._inputs
        if loaded is None or inputs is None:
            raise EngineDeadError("the PyTorch engine is closed")
        if request.response_schema is not None or request.response_regex is not None:
            raise ProblemError(
                "stage_error", "PyTorch backend cannot bind an answer's form. Use the vLLM, MLX or API backend."
            )
        if request.adapter is not None and request.adapter not in self.config.lora:
            known = ", ".join(sorted(self.config.lora)) or "none"
            raise ProblemError("stage_error", f"adapter {request.adapter!r} is unknown. Adapters under lora: {known}.")
        asked = inputs.of(request)
        if loaded.context is None:
            return replace(asked, room=request.params.max_tokens)
        room = loaded.context - asked.num_tokens
        if room < 1:
            message = f"the prompt has {asked.num_tokens} tokens, and the model takes {loaded.context}."
            raise ProblemError("context_overflow", f"{message} Send a smaller image.")
        return replace(asked, room=room)

    def _answer(self, batch: Sequence[Prepared]) -> list[Completion | ProblemError]:
        loaded = self._loaded
        if loaded is None:
            raise EngineDeadError("the PyTorch engine is closed")
        asked = [entry for entry in batch if isinstance(entry, Asked)]
        decode = partial(loaded.tokenizer.decode, skip_special_tokens=not self.config.keeps_special_tokens)
        answers = [Answer(entry, entry.room, decode, loaded.end_ids) for entry in asked]
        with _memory_errors(), _adapter(loaded.model, asked[0].request.adapter):
            logprobs = self._write(loaded, asked, answers)
        return [answer.completion(self.config.model, known) for answer, known in zip(answers, logprobs, strict=True)]

    def _write(self, loaded: Loaded, asked: Sequence[Asked], answers: Sequence[Answer]) -> list[list[float]]:
        import torch
        from transformers import GenerationConfig

        assert self._inputs is not None
        params = asked[0].request.params
        inputs = {name: _to(loaded.model, tensor) for name, tensor in self._inputs.join(asked).items()}
        watch = Watch(answers, params, int(inputs["input_ids"].shape[1]))
        max_tokens = max(min(entry.request.params.max_tokens, entry.room) for entry in asked)
        generation = to_generation(params, max_tokens=max_tokens, end_ids=loaded.end_ids, pad_id=loaded.pad_id)
        _forget_positions(loaded.model)
        with torch.inference_mode():
            loaded.model.generate(
                **inputs,
                generation_config=GenerationConfig(**generation),
                logits_processor=watch.processors,
                stopping_criteria=watch.stopping,
            )
        return watch.logprobs


def _to(model: Any, tensor: Any) -> Any:
    tensor = tensor.to(model.device)
    return tensor.to(model.dtype) if tensor.is_floating_point() else tensor


def _forget_positions(model: Any) -> None:
    """Qwen's models keep the last batch's positions on themselves."""
    owners: tuple[Any, ...] = (model, getattr(model, "model", None))
    for owner in owners:
        if getattr(owner, "rope_deltas", None) is not None:
            owner.rope_deltas = None


@contextmanager
def _adapter(model: Any, name: str | None) -> Iterator[None]:
    if name is None:
        yield
        return
    model.enable_adapters()
    model.set_adapter(name)
    try:
        yield
    finally:
        model.disable_adapters()


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            error.__traceback__ = None
            _empty_cache()
            raise OutOfMemoryError(str(error)) from None
        if "CUDA error" in str(error) or "HIP error" in str(error):
            raise EngineDeadError(f"the GPU failed: {str(error).splitlines()[0]}") from error
        raise


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch raised `error` because memory was too little, on any device."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    # oneDNN has one message for all that fails once it has settled how to compute something (before that, it names the
    # "primitive descriptor"): no memory for its code or its weights.
    return str(error).endswith("could not create a primitive") or any(
        words in str(error) for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
