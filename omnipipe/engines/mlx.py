"""MLX: models on Apple silicon by mlx-vlm, and on its CPU build for Linux."""

from __future__ import annotations

import gc
import importlib.util
import platform
import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field

from omnipipe.config import operation
from omnipipe.engines.answer import Answer
from omnipipe.engines.base import Capabilities, EngineConfig, Readiness
from omnipipe.engines.batching import BatchEngine, OutOfMemoryError, Prepared
from omnipipe.engines.chat import to_chat, to_image
from omnipipe.engines.mlx_choice import Grammar, TokenChoice
from omnipipe.engines.mlx_decode import Decoder, Writing
from omnipipe.engines.mlx_load import INSTALL, check_folder, load_model, missing, unload
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Request, TextPart
from omnipipe.page import ProblemError


class MLXConfig(EngineConfig):
    """A checkpoint in this machine's memory, written in batches; for Macs with Apple silicon."""

    engine: ClassVar[str] = "mlx"
    label: ClassVar[str] = "MLX"
    capabilities: ClassVar[Capabilities] = Capabilities(
        quantization_4bit=True,
        quantization_8bit=True,
        streaming=True,
        cpu=True,
        structured_output=True,
        logprobs=True,
        repetition_stop=True,
    )
    supports: ClassVar[frozenset[str]] = frozenset(GenerationParams.model_fields)

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Number format of the weights that are not quantised; auto is the checkpoint's."
    )
    quantization: Literal["4bit", "8bit"] | None = Field(
        None, description="Quantise the checkpoint while it is loaded; None takes it as it is."
    )
    trust_remote_code: bool = Field(False, description="Run the Python code that comes with the checkpoint.")
    revision: str | None = Field(None, description="Branch, tag or commit of the model on the hub.")
    max_model_len: int = Field(8192, ge=1, description="Tokens of prompt and answer together at most.")
    batch_size: int = operation(8, ge=1, description="Answers that are written together at most.")

    @property
    def num_running(self) -> int:
        return self.batch_size

    @property
    def repository(self) -> str:
        """The id or folder that is loaded: the family's conversion for MLX where one is asked for, else `model`.

        It is asked for by the suffix `-MLX`, and by a `quantization` that it has already.
        """
        plain = self.model.removesuffix("-MLX")
        family = getattr(self, "family", None)
        for checkpoint in () if family is None else family.checkpoints:
            converted = checkpoint.mlx_model
            if checkpoint.model != plain or converted is None:
                continue
            if plain != self.model or (self.quantization is not None and converted.endswith(self.quantization)):
                return str(converted)
        return self.model

    @classmethod
    def probe(cls) -> Readiness:
        is_mac = sys.platform == "darwin"
        if sys.platform not in ("darwin", "linux") or (is_mac and platform.machine() != "arm64"):
            return Readiness("no device", "MLX needs a Mac with Apple silicon", "use the API backend, or PyTorch")
        if importlib.util.find_spec("mlx_vlm") is None or importlib.util.find_spec("mlx") is None:
            return Readiness("missing extra", "mlx-vlm is not installed", INSTALL)
        return Readiness("ready", "Apple silicon" if is_mac else "on the CPU: right, but slow")

    def check(self) -> None:
        readiness = self.probe()
        if readiness.state == "missing extra":
            raise missing()
        if readiness.state != "ready":
            raise ConfigError(f"{readiness.detail}. {str(readiness.fix).capitalize()}.")
        check_folder(self.model)

    def build(self) -> MLXEngine:
        return MLXEngine(self)


@dataclass(kw_only=True)
class _Asked(Prepared):
    """A request whose prompt is tokens and whose pictures are patches."""

    inputs: dict[str, Any]
    grammar: Grammar | None
    room: int


class MLXEngine(BatchEngine):
    """Reads prompts one by one and writes their answers together."""

    config: MLXConfig
    oom_help = "Use quantization='4bit', lower batch_size or max_model_len, or take a smaller model."

    def __init__(self, config: MLXConfig) -> None:
        super().__init__(config, max_batch_size=config.batch_size)
        self._model: Any = None
        self._processor: Any = None
        self._tokenizer: Any = None
        self._grammars: Any = None

    def _group(self, request: Request) -> Hashable:
        # Each answer has its own parameters: all may share a batch.
        return None

    def _load(self) -> None:
        self.config.check()
        self._model, self._processor = load_model(
            self.config.repository,
            dtype=self.config.dtype,
            quantization=self.config.quantization,
            revision=self.config.revision,
            trust_remote_code=self.config.trust_remote_code,
        )
        self._tokenizer = getattr(self._processor, "tokenizer", self._processor)

    def _unload(self) -> None:
        self._model = self._processor = self._tokenizer = self._grammars = None
        gc.collect()
        unload()

    def _prepare(self, request: Request) -> _Asked:
        from mlx_vlm.utils import prepare_inputs, should_add_special_tokens

        if request.adapter is not None:
            raise ProblemError("stage_error", f"MLX backend has no adapters; {request.adapter!r} was asked for.")
        config = self._model.config
        inputs = prepare_inputs(
            self._processor,
            images=[to_image(pixels) for pixels in request.images] or None,
            prompts=self._prompt(request),
            image_token_index=getattr(config, "image_token_index", None),
            add_special_tokens=should_add_special_tokens(config.model_type, self._processor),
        )
        num_tokens = int(inputs["input_ids"].shape[1])
        room = self.config.max_model_len - num_tokens
        if room < 1:
            message = f"the prompt has {num_tokens} tokens; max_model_len={self.config.max_model_len} leaves no room."
            raise ProblemError("context_overflow", f"{message} Raise it, or send a smaller image.")
        grammar = self._grammar(request)
        return _Asked(request=request, num_tokens=num_tokens, inputs=dict(inputs), grammar=grammar, room=room)

    def _prompt(self, request: Request) -> str:
        """The prompt as the checkpoint's own chat template writes it."""
        from mlx_vlm.prompt_utils import apply_chat_template

        for owner in (self._processor, self._tokenizer):
            if getattr(owner, "chat_template", None) and hasattr(owner, "apply_chat_template"):
                chat = to_chat(request.messages)
                return str(owner.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
        # Models without a template: mlx-vlm knows their form, for words and pictures of one turn.
        words = "\n".join(part.text for turn in request.messages for part in turn.parts if isinstance(part, TextPart))
        return str(apply_chat_template(self._processor, self._model.config, words, num_images=len(request.images)))

    def _grammar(self, request: Request) -> Grammar | None:
        if request.response_schema is None and request.response_regex is None:
            return None
        if self._grammars is None:
            from llguidance.hf import from_tokenizer

            self._grammars = from_tokenizer(self._tokenizer)
        return Grammar(self._grammars, request.response_schema, request.response_regex)

    def _answer(self, batch: Sequence[Prepared]) -> list[Completion | ProblemError]:
        asked = [entry for entry in batch if isinstance(entry, _Asked)]
        family = getattr(self.config, "family", None)
        keeps_special = family is not None and family.keeps_special_tokens
        decode = partial(self._tokenizer.decode, skip_special_tokens=not keeps_special)
        stops = frozenset(self._tokenizer.stopping_criteria.eos_token_ids)
        answers = [Answer(entry, entry.room, decode, stops) for entry in asked]
        writings = [
            Writing(
                inputs=entry.inputs,
                choice=TokenChoice(
                    entry.request.params,
                    entry.inputs["input_ids"][0].tolist(),
                    end_ids=stops | set(entry.request.params.stop_token_ids),
                    grammar=entry.grammar,
                ),
                on_token=answer.take,
                is_wanted=partial(_is_wanted, entry),
                wants_logprobs=entry.request.params.logprobs,
            )
            for entry, answer in zip(asked, answers, strict=True)
        ]
        try:
            Decoder(self._model).write(writings)
        except RuntimeError as error:
            if "alloc" in str(error) or "memory" in str(error).lower():
                raise OutOfMemoryError(str(error)) from error
            raise
        return [
            answer.completion(self.config.model, writing.logprobs)
            for answer, writing in zip(answers, writings, strict=True)
        ]


def _is_wanted(asked: _Asked) -> bool:
    return asked.is_wanted
