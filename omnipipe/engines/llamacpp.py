"""llama.cpp inside this process: GGUF models on the CPU, on Metal and on small GPUs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from omnipipe.config import operation
from omnipipe.engines.answer import Answer
from omnipipe.engines.base import Capabilities, EngineConfig, Readiness
from omnipipe.engines.batching import BatchEngine, Prepared
from omnipipe.engines.checkpoint import checkpoint_hash
from omnipipe.engines.llamacpp_choice import SUPPORTED, TokenChoice
from omnipipe.engines.llamacpp_read import Chunks, PromptReader
from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.model import Completion, Request
from omnipipe.page import ProblemError

_INSTALL = "pip install omnipipe[llamacpp]"
_RANDOM = 0xFFFFFFFF
"""The seed that llama.cpp takes for another one each time."""


class LlamaCppConfig(EngineConfig):
    """A GGUF file and its vision projector, one answer at a time; for machines without a large GPU."""

    engine: ClassVar[str] = "llamacpp"
    label: ClassVar[str] = "llama.cpp"
    capabilities: ClassVar[Capabilities] = Capabilities(
        lora=True,
        quantization_4bit=True,
        quantization_8bit=True,
        gguf=True,
        streaming=True,
        cpu=True,
        structured_output=True,
        logprobs=True,
        repetition_stop=True,
    )
    supports: ClassVar[frozenset[str]] = SUPPORTED

    model: str = Field(min_length=1, description="A GGUF file.")
    mmproj: str | None = Field(None, description="The GGUF file of the model's vision projector; pictures need it.")
    lora: str | None = Field(None, description="The GGUF file of a LoRA adapter for all answers.")
    n_ctx: int = Field(8192, ge=1, description="Tokens of prompt and answer together at most.")
    n_gpu_layers: int = operation(-1, ge=-1, description="Layers on the GPU, where there is one; -1 is all, 0 none.")
    n_threads: int | None = operation(None, ge=1, description="CPU threads; None is half of the machine's.")
    n_batch: int = operation(512, ge=1, description="Tokens of a prompt that are read at once.")
    seed: int | None = Field(None, ge=0, description="The seed of answers whose parameters have none.")

    def identity(self) -> dict[str, object]:
        """The files count by what they hold."""
        files = {"mmproj": self.mmproj, "lora": self.lora}
        hashes = {name: checkpoint_hash(file) for name, file in files.items() if file is not None}
        return {**super().identity(), **{name: f"files:{digest}" for name, digest in hashes.items() if digest}}

    @property
    def num_running(self) -> int:
        return 1

    @classmethod
    def probe(cls) -> Readiness:
        if importlib.util.find_spec("llama_cpp") is None:
            about = "llama-cpp-python is not installed; there is no wheel, installing compiles it in some minutes"
            return Readiness("missing extra", about, _INSTALL)
        return Readiness("ready", "in this process, on the CPU or what llama.cpp was compiled for")

    def check(self) -> None:
        if self.probe().state != "ready":
            raise _missing()
        for name, file in (("model", self.model), ("mmproj", self.mmproj), ("lora", self.lora)):
            if file is not None and not Path(file).expanduser().is_file():
                raise ConfigError(f"{name}={file} is not a file. Name the GGUF file.")
        if self.mmproj is None and hasattr(self, "family"):
            raise ConfigError("mmproj is missing: llama.cpp reads pictures with a second GGUF. Give mmproj=FILE.")

    def build(self) -> LlamaCppEngine:
        return LlamaCppEngine(self)


@dataclass(kw_only=True)
class _Asked(Prepared):
    """A request whose prompt is tokens, or stretches of tokens and pictures."""

    prompt: Chunks | list[int]
    room: int
    gbnf: str | None


class LlamaCppEngine(BatchEngine):
    """One answer at a time, in one thread."""

    config: LlamaCppConfig
    oom_help = "Lower n_ctx or n_gpu_layers, or take a smaller quantisation."

    def __init__(self, config: LlamaCppConfig) -> None:
        super().__init__(config, max_batch_size=1, wait_ms=0, strategy="static")
        self._llama: Any = None
        self._reader: PromptReader | None = None
        self._end_ids: frozenset[int] = frozenset()

    def _load(self) -> None:
        self.config.check()
        try:
            from llama_cpp import Llama
        except ImportError as error:
            raise _missing() from error
        config = self.config
        try:
            self._llama = Llama(
                model_path=str(Path(config.model).expanduser()),
                n_gpu_layers=config.n_gpu_layers,
                n_ctx=config.n_ctx,
                n_batch=config.n_batch,
                n_threads=config.n_threads,
                n_threads_batch=config.n_threads,
                lora_path=None if config.lora is None else str(Path(config.lora).expanduser()),
                verbose=False,
            )
        except (ValueError, RuntimeError) as error:
            said = str(error)[:200]
            raise ConfigError(
                f"model={config.model} cannot be loaded by llama.cpp: {said}. Name a GGUF file."
            ) from error
        mmproj = None if config.mmproj is None else str(Path(config.mmproj).expanduser())
        self._reader = PromptReader(self._llama, mmproj)
        self._end_ids = self._reader.end_ids()

    def _unload(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._llama is not None:
            self._llama.close()
        self._reader = self._llama = None

    def _prepare(self, request: Request) -> _Asked:
        reader = self._reader
        assert reader is not None
        if request.adapter is not None:
            raise ProblemError(
                "stage_error", f"llama.cpp has one adapter for all answers, in lora; not {request.adapter!r}."
            )
        if request.images and not reader.sees:
            raise ProblemError("stage_error", "llama.cpp reads pictures with a second GGUF. Give mmproj=FILE.")
        if request.response_regex is not None:
            raise ProblemError("stage_error", "llama.cpp binds answers to a JSON schema only. Use response_schema.")
        prompt = reader.tokenize(request) if reader.sees else reader.tokenize_words(request)
        num_tokens = prompt.num_tokens if isinstance(prompt, Chunks) else len(prompt)
        room = self.config.n_ctx - num_tokens
        if room < 1:
            message = f"the prompt has {num_tokens} tokens; n_ctx={self.config.n_ctx} leaves no room."
            raise ProblemError("context_overflow", f"{message} Raise it, or send a smaller image.")
        return _Asked(
            request=request, num_tokens=num_tokens, prompt=prompt, room=room, gbnf=_gbnf(request.response_schema)
        )

    def _answer(self, batch: Sequence[Prepared]) -> list[Completion | ProblemError]:
        return [self._write(asked) for asked in batch if isinstance(asked, _Asked)]

    def _write(self, asked: _Asked) -> Completion | ProblemError:
        llama, params, reader = self._llama, asked.request.params, self._reader
        assert reader is not None
        family = getattr(self.config, "family", None)
        decode = partial(_decode, llama, keeps_special=family is not None and family.keeps_special_tokens)
        answer = Answer(asked, asked.room, decode, self._end_ids)
        logprobs: list[float] = []
        try:
            reader.read(asked.prompt)
        except ProblemError as error:
            return error
        seed = params.seed if params.seed is not None else self.config.seed
        choice = TokenChoice(
            llama, params, seed=_RANDOM if seed is None else seed % _RANDOM, end_ids=self._end_ids, gbnf=asked.gbnf
        )
        while True:
            token = choice.next()
            if params.logprobs:
                logprobs.append(reader.logprob(token))
            if not answer.take(token):
                break
            llama.eval([token])
        return answer.completion(self.config.model, logprobs)


def _gbnf(schema: Mapping[str, object] | None) -> str | None:
    """The grammar of answers that fit a JSON schema; None without one."""
    if schema is None:
        return None
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    try:
        return str(json_schema_to_gbnf(json.dumps(schema)))
    except (ValueError, KeyError, TypeError) as error:
        raise ProblemError("stage_error", f"the response schema is not valid: {str(error)[:200]}") from error


def _decode(llama: Any, tokens: list[int], *, keeps_special: bool) -> str:
    return str(llama.detokenize(tokens, special=keeps_special).decode("utf-8", errors="replace"))


def _missing() -> MissingExtraError:
    return MissingExtraError("LlamaCpp backend", "llama-cpp-python", _INSTALL)
