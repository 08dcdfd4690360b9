"""What an engine is: something that answers requests, one call a request, many calls at once."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import ConfigDict, Field, model_validator

from omnipipe.config import Config, operation
from omnipipe.engines.checkpoint import checkpoint_hash
from omnipipe.engines.spelling import with_our_names
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.generation import ALIASES, GenerationParams, known_names
from omnipipe.model import Completion, ModelFamily, Request
from omnipipe.page import ProblemError


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do, as data: `omnipipe backends` and the docs print it."""

    continuous_batching: bool = False
    tensor_parallelism: bool = False
    lora: bool = False
    quantization_4bit: bool = False
    quantization_8bit: bool = False
    gguf: bool = False
    prefix_caching: bool = False
    streaming: bool = False
    vision: bool = True
    cpu: bool = False
    structured_output: bool = False
    logprobs: bool = False
    repetition_stop: bool = False


class Readiness(NamedTuple):
    """Whether an engine would work here: `state`, why, and the command that fixes it (None where nothing is to fix)."""

    state: Literal["ready", "missing extra", "no device", "planned"]
    detail: str
    fix: str | None = None


class EngineConfig(Config):
    """All settings of one engine with one model: data only. The class is the user's choice of backend.

    A pair of family and engine is a class with `family` and a default `model`, and nothing else. Generation parameters
    may be given flat (`max_tokens=4096`), under `generation` or under `decoder`, with the names of
    `omnipipe.generation.ALIASES` too; `omnipipe.engines.spelling` has what else other tools write.
    """

    # Dozens of pairs are listed and one is used: what checks a class's settings is made when it is used first.
    model_config = ConfigDict(defer_build=True)

    engine: ClassVar[str]
    """The name in rows and on the command line: pytorch, vllm, mlx, api, llamacpp."""
    label: ClassVar[str]
    """The name in messages: PyTorch, vLLM, MLX, API, llama.cpp."""
    capabilities: ClassVar[Capabilities]
    supports: ClassVar[frozenset[str]] = frozenset()
    """The fields of `GenerationParams` that the engine honours."""
    family: ClassVar[ModelFamily]

    model: str = Field(min_length=1, description="A model id, or the folder of a checkpoint.")
    generation: GenerationParams = Field(GenerationParams(), description="How text is generated.")
    prompt: str | None = Field(None, description="Asked in place of the family's own words, for tuned checkpoints.")
    request_timeout: float | None = operation(
        600.0, gt=0, description="Seconds an answer may take; then it is aborted."
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        # A pair gives a default and no more: what the field means, allows and decides stays as the engine said.
        bare = {name: field for name, field in cls.model_fields.items() if field.description is None}
        for name, field in bare.items():
            said = next(
                (base.model_fields.get(name) for base in cls.__mro__[1:] if issubclass(base, EngineConfig)), None
            )
            if said is not None:
                field.description, field.json_schema_extra = said.description, said.json_schema_extra
                field.metadata = [*said.metadata, *field.metadata]
        if bare and cls.__pydantic_complete__:
            cls.model_rebuild(force=True)

    @model_validator(mode="before")
    @classmethod
    def _gather_generation(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        given = with_our_names(given, cls.model_fields, getattr(cls, "label", cls.__name__))
        names = known_names() - cls.model_fields.keys()
        flat = {name: value for name, value in given.items() if name in names}
        nested = given.get("generation", {})
        if isinstance(nested, GenerationParams):
            nested = nested.model_dump(exclude_unset=True)
        family = getattr(cls, "family", None)
        defaults = family.generation.model_dump(exclude_unset=True) if family is not None else {}
        asked = {ALIASES.get(name, name) for name in [*flat, *nested]}
        kept = {name: value for name, value in defaults.items() if name not in asked}
        if not isinstance(nested, Mapping) or not (flat or nested or kept):
            return given
        if twice := flat.keys() & nested.keys():
            raise ValueError(f"{min(twice)} is given twice, also under generation. Keep one of them")
        rest = {name: value for name, value in given.items() if name not in flat}
        return {**rest, "generation": {**kept, **nested, **flat}}

    @model_validator(mode="after")
    def _model_of_the_family(self) -> Self:
        family = getattr(self, "family", None)
        if family is not None:
            family.check_model(self.model)
        return self

    def identity(self) -> Mapping[str, object]:
        """The engine, the family and its version; a checkpoint in a folder counts by its files, not by its place."""
        family = getattr(self, "family", None)
        known = {} if family is None else {"family": family.name, "family_version": family.version}
        files = checkpoint_hash(self.model)
        return {"engine": self.engine, **known, **({} if files is None else {"model": f"files:{files}"})}

    @property
    def keeps_special_tokens(self) -> bool:
        """Whether the family's answers say something in special tokens, so that they must not be dropped."""
        family = getattr(self, "family", None)
        return family is not None and family.keeps_special_tokens

    @property
    def num_gpus(self) -> float:
        """GPUs that one engine holds; Ray places it so. Half a GPU is 0.5."""
        return 0.0

    @property
    def num_cpus(self) -> float:
        """CPU slots of Ray that one engine's actor takes: 0 where the work is done elsewhere."""
        return 1.0

    @property
    def num_running(self) -> int:
        """Requests that the engine works on at once; callers keep at least twice as many in reach."""
        return 8

    @property
    def is_dear(self) -> bool:
        """Whether answers cost money or GPU time, so that they are kept on disk before their page goes on."""
        return True

    def with_key(self) -> Self:
        """These settings with the secret that this process's environment has, for workers that have another one."""
        return self

    def shared_by(self, num_engines: int) -> Self:
        """These settings for each of `num_engines` engines that work at the same time: its share of any limits."""
        return self

    @classmethod
    def probe(cls) -> Readiness:
        """Whether the engine would work on this machine; imports no heavy library."""
        return Readiness("ready", "needs nothing")

    def check(self) -> None:
        """See that the engine can be had with these settings, before any page is read; imports no heavy library.

        Raises:
            UserError: It cannot; the message says what would be right.
        """

    @abstractmethod
    def build(self) -> Engine:
        """The engine, closed. Cheap: nothing is imported or loaded."""


class Engine(ABC):
    """Answers requests. `open` and `close` once, `generate` any number of times at once, all on one event loop.

    What is one request's fault is a `ProblemError` with the code for its page (`context_overflow`, `engine_timeout`,
    `http_4xx`, ...); what ends the engine is an `EngineDeadError`, from then on for every call.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config

    @abstractmethod
    async def open(self) -> None:
        """Load everything; the only place that imports the heavy library.

        Raises:
            UserError: The package is missing, the model does not exist or does not fit.
        """

    async def generate(self, request: Request) -> Completion:
        """The answer to `request`. Cancelling this call, or its deadline, aborts the request inside the engine.

        Raises:
            ProblemError: This request cannot be answered.
            EngineDeadError: No request can be answered any more.
        """
        seconds = self._seconds_for(request)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                completion = await self._generate(request)
        except TimeoutError:
            message = f"no answer within {seconds:g} s. Raise request_timeout, or lower max_tokens."
            raise ProblemError("engine_timeout", message) from None
        if completion.infer_ms is None:
            completion = replace(completion, infer_ms=(time.perf_counter() - started) * 1000)
        return completion

    def _seconds_for(self, request: Request) -> float | None:
        """Seconds after which `generate` gives up; engines that ask several times for one answer count each time."""
        return request.deadline if request.deadline is not None else self.config.request_timeout

    @abstractmethod
    async def _generate(self, request: Request) -> Completion:
        """As `generate`, without a deadline of its own."""

    def stream(self, request: Request) -> AsyncIterator[str]:
        """The answer in pieces, as they come. Closing the iterator aborts the request.

        Raises:
            ConfigError: The engine cannot stream (`capabilities.streaming`).
        """
        raise ConfigError(f"{self.config.label} backend cannot stream. Use generate.")

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        """As `stream`, and the whole completion as the last thing; from an engine that cannot stream all in one piece.

        Engines that know more of their streamed answers than the text override this: by default it is said to have
        ended by itself.
        """
        if not self.config.capabilities.streaming:
            completion = await self.generate(request)
            if completion.text:
                yield completion.text
            yield completion
            return
        said: list[str] = []
        pieces = self.stream(request)
        try:
            async for piece in pieces:
                said.append(piece)
                yield piece
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        yield Completion(text="".join(said), finish_reason="stop", model=self.config.model)

    async def health(self) -> None:  # noqa: B027 - an engine without a state of its own is always well
        """Return if the engine can answer.

        Raises:
            EngineDeadError: It cannot, and never will again.
        """

    @abstractmethod
    async def close(self) -> None:
        """End every process and free all memory that `open` took. May be called twice, and after a death."""


__all__ = ["Capabilities", "Engine", "EngineConfig", "EngineDeadError", "Readiness"]
