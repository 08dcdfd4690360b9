"""What a model is asked and what it answers, and what a family of models is. No library and no engine here."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

from omnipipe.generation import GenerationParams
from omnipipe.page import Page, Pixels
from omnipipe.reading.facts import RenderPolicy

FinishReason = Literal["stop", "length", "repetition"]
OutputFormat = Literal["markdown", "html", "json", "text"]


class TextPart(NamedTuple):
    """Words of a message."""

    text: str


class ImagePart(NamedTuple):
    """A picture of a message."""

    pixels: Pixels


class Message(NamedTuple):
    """One turn; the order of its parts is kept as far as the model's chat template keeps it."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[TextPart | ImagePart, ...]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One answer wanted. `deadline` is in seconds from the call of `generate`; a higher `priority` goes first.

    `response_schema` (a JSON schema) and `response_regex` bind the form of the answer where the engine can; at most
    one of them. `adapter` names a LoRA adapter that the engine's config declares.
    """

    id: str
    messages: tuple[Message, ...]
    params: GenerationParams
    deadline: float | None = None
    priority: int = 0
    adapter: str | None = None
    response_schema: Mapping[str, object] | None = None
    response_regex: str | None = None

    @property
    def images(self) -> tuple[Pixels, ...]:
        """The pictures of all messages, in order."""
        return tuple(part.pixels for message in self.messages for part in message.parts if isinstance(part, ImagePart))

    @cached_property
    def key(self) -> str:
        """64 hex digits over all that decides the answer but the model: equal keys ask the same."""
        digest = hashlib.sha256()
        plain = [self.params.model_dump(mode="json"), self.adapter, self.response_schema, self.response_regex]
        digest.update(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())
        for message in self.messages:
            digest.update(f"\0{message.role}".encode())
            for part in message.parts:
                if isinstance(part, TextPart):
                    digest.update(b"\1" + part.text.encode("utf-8", "surrogatepass"))
                else:
                    pixels = part.pixels
                    digest.update(f"\2{pixels.format} {pixels.mode} {pixels.width} {pixels.height} ".encode())
                    digest.update(pixels.data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer. Token counts and `logprob` (mean natural log probability a token) are None where unknown.

    `queue_ms` is the time before the engine began, `infer_ms` the time it took; `cost_usd` only where it is known.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    logprob: float | None = None
    token_ids: tuple[int, ...] | None = None
    queue_ms: float | None = None
    infer_ms: float | None = None
    cost_usd: float | None = None
    model: str | None = None


class Checkpoint(NamedTuple):
    """A published model of a family: id, billions of parameters, licence, and its id for MLX if that differs."""

    model: str
    billions: float
    licence: str
    mlx_model: str | None = None


class ModelFamily(ABC):
    """A kind of model: how it is asked, which picture it wants, and how its answer becomes a page.

    Both functions are pure: no model, no library, no network. What is peculiar to a model lives here, what is peculiar
    to a library in its engine. Facts are those of the model card named in the class's docstring.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    checkpoints: ClassVar[tuple[Checkpoint, ...]]
    picture: ClassVar[RenderPolicy]
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown",)
    generation: ClassVar[GenerationParams] = GenerationParams()
    """What the family's authors recommend, where the user says nothing."""
    trust_remote_code: ClassVar[bool] = False
    """Whether the checkpoints need code of their own that is not in transformers or vLLM."""
    keeps_special_tokens: ClassVar[bool] = False
    """Whether tokens that the tokenizer calls special are part of an answer, so that engines must not drop them."""
    version: ClassVar[int] = 1
    """Goes up when prompt, picture or parser change: it enters the config hash."""
    deadline: ClassVar[float] = 60.0
    """Seconds that a call of `request` or `parse` may take in a family of another package."""

    def check_model(self, model: str) -> None:  # noqa: B027 - most families take any name
        """See that `model`, an id or a folder, may be of this family; asked when a config is made.

        Raises:
            ValueError: It certainly is not; the message says what would be right.
        """

    @abstractmethod
    def request(
        self,
        page: Page,
        params: GenerationParams,
        *,
        output_format: OutputFormat = "markdown",
        prompt: str | None = None,
    ) -> Request:
        """What to ask about `page`, whose `image` is there; the id is the page's.

        `prompt` is asked in place of the family's own words; the answer is still parsed as the family's.
        """

    @abstractmethod
    def parse(self, page: Page, completion: Completion) -> Page:
        """`page` with text, blocks and flags of the answer; text is markdown, tables with spans HTML, formulas LaTeX.

        Never raises for what a model may say: what cannot be parsed keeps its text and gets the flag `unparsed`.
        """
