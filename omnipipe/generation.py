"""One vocabulary of generation parameters, and the check against what an engine can do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from omnipipe.config import Config
from omnipipe.errors import ConfigError

ALIASES: Mapping[str, str] = {
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "min_new_tokens": "min_tokens",
    "min_output_tokens": "min_tokens",
    "random_seed": "seed",
    "repeat_penalty": "repetition_penalty",
}
"""Spellings of other tools that are understood, and ours."""


class GenerationParams(Config):
    """How text is generated; the names are vLLM's and mean the same on every engine.

    Always sent in full, because the libraries' own defaults differ (vLLM stops after 16 tokens, transformers samples
    from the 50 best, llama.cpp at temperature 0.2), and a checkpoint may bring others.
    """

    max_tokens: int = Field(4096, ge=1, description="Tokens of an answer at most.")
    min_tokens: int = Field(0, ge=0, description="Tokens before an answer may end.")
    temperature: float = Field(0.0, ge=0, le=2, description="0 takes the likeliest token each time (greedy).")
    top_p: float = Field(1.0, gt=0, le=1, description="Sample from the likeliest tokens of this share; 1 is off.")
    top_k: int = Field(0, ge=0, description="Sample from this many likeliest tokens; 0 is off, and so is -1.")
    min_p: float = Field(0.0, ge=0, le=1, description="Least probability, as a share of the likeliest token's.")
    repetition_penalty: float = Field(1.0, gt=0, le=2, description="Above 1 makes tokens that came already rarer.")
    presence_penalty: float = Field(0.0, ge=-2, le=2, description="Above 0 makes tokens that came already rarer.")
    frequency_penalty: float = Field(0.0, ge=-2, le=2, description="The same, by how often they came.")
    no_repeat_ngram_size: int = Field(0, ge=0, description="No sequence of this many tokens comes twice; 0 is off.")
    seed: int | None = Field(None, ge=0, description="Makes sampling repeatable where the engine can.")
    stop: tuple[str, ...] = Field((), description="Texts that end an answer and are cut off.")
    stop_token_ids: tuple[int, ...] = Field((), description="Token ids that end an answer.")
    logprobs: bool = Field(False, description="Report the mean log probability of the answer's tokens.")
    stop_on_repetition: bool = Field(True, description="End an answer that loops, with finish_reason repetition.")

    @model_validator(mode="before")
    @classmethod
    def _with_our_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        plain: dict[str, Any] = {}
        for name, value in given.items():
            ours = ALIASES.get(name, name)
            if ours in plain or (ours != name and ours in given):
                raise ValueError(f"{ours} is given twice, also as {name}. Keep one of them")
            plain[ours] = value
        if plain.get("top_k") == -1:
            plain["top_k"] = 0
        if isinstance(plain.get("stop"), str):
            plain["stop"] = (plain["stop"],)
        if "do_sample" in plain:
            sampled = plain.pop("do_sample")
            if not isinstance(sampled, bool):
                raise ValueError(f"do_sample={str(sampled)[:40]} is neither true nor false")
            if not sampled:
                plain["temperature"] = 0.0
            elif not plain.get("temperature"):
                plain["temperature"] = 1.0
        return plain

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is taken each time."""
        return self.temperature == 0

    def with_(self, **changes: object) -> Self:
        """A checked copy with `changes`."""
        return type(self).model_validate({**self.model_dump(exclude_unset=True), **changes})

    def changed(self) -> frozenset[str]:
        """Names whose value is not the default."""
        fields = type(self).model_fields
        return frozenset(name for name, field in fields.items() if getattr(self, name) != field.default)


def known_names() -> frozenset[str]:
    """Every spelling of a generation parameter that is understood."""
    return frozenset({*GenerationParams.model_fields, *ALIASES, "do_sample"})


# Read by every engine or of no effect when left out, so that nobody has to declare them.
_ALWAYS = frozenset({"max_tokens", "temperature", "stop_on_repetition"})

_REPLACEMENTS: Mapping[str, str] = {
    "no_repeat_ngram_size": "Use repetition_penalty instead.",
    "presence_penalty": "Use repetition_penalty instead.",
    "frequency_penalty": "Use repetition_penalty instead.",
    "min_p": "Use top_p instead.",
    "seed": "Sampling is not repeatable there; use temperature=0.",
    "stop_token_ids": "Use stop instead.",
}


class Unsupported(NamedTuple):
    """A parameter that an engine cannot honour: its name, and the sentence for the user."""

    name: str
    message: str


def find_unsupported(
    params: GenerationParams, supports: Collection[str], label: str, *, stops_repetition: bool = False
) -> list[Unsupported]:
    """The parameters of `params` that are set and that the engine called `label` cannot honour, by name.

    `stops_repetition`: the engine ends answers that loop, which is named as a replacement where it is one.
    """
    lacking = sorted(params.changed() - set(supports) - _ALWAYS)
    return [Unsupported(name, _sentence(name, label, stops_repetition)) for name in lacking]


def _sentence(name: str, label: str, stops_repetition: bool) -> str:
    said = f"decoder.{name} not supported by {label}. {_REPLACEMENTS.get(name, 'Leave it out.')}"
    if name == "no_repeat_ngram_size" and stops_repetition:
        said += " Answers that loop are ended in any case (stop_on_repetition)."
    return said


def weigh(found: Sequence[Unsupported], *, strict: bool = False, ignore: bool = False) -> tuple[str, ...]:
    """The warnings to show for what an engine cannot honour: none where they are ignored.

    Raises:
        ConfigError: There are some, and under `strict` they are errors.
    """
    if found and strict:
        raise ConfigError(" ".join(entry.message for entry in found))
    return () if ignore else tuple(entry.message for entry in found)
