"""What an answer costs: list prices of models that are paid by the token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class Price(NamedTuple):
    """US dollars per million tokens; `cached` is for prompt tokens that the server remembered."""

    input: float
    output: float
    cached: float | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int | None = None) -> float:
        """US dollars of one answer; cached tokens are part of the prompt's."""
        cached = min(cached_tokens or 0, prompt_tokens)
        cheap = self.input if self.cached is None else self.cached
        dollars = (prompt_tokens - cached) * self.input + cached * cheap + completion_tokens * self.output
        return dollars / 1_000_000


# OpenAI's list prices for standard processing, as widely quoted in 2025 and 2026 (models with vision only). A service's
# own statement (OpenRouter's usage.cost) and the settings input_price and output_price go before them.
OPENAI: Mapping[str, Price] = {
    "gpt-4-turbo": Price(10.0, 30.0),
    "gpt-4o": Price(2.5, 10.0, 1.25),
    "gpt-4o-mini": Price(0.15, 0.6, 0.075),
    "gpt-4.1": Price(2.0, 8.0, 0.5),
    "gpt-4.1-mini": Price(0.4, 1.6, 0.1),
    "gpt-4.1-nano": Price(0.1, 0.4, 0.025),
    "gpt-5": Price(1.25, 10.0, 0.125),
    "gpt-5-mini": Price(0.25, 2.0, 0.025),
    "gpt-5-nano": Price(0.05, 0.4, 0.005),
}

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def find_openai_price(model: str) -> Price | None:
    """The list price of OpenAI's `model`, dated names included; None where it is not known."""
    return OPENAI.get(_DATE.sub("", model))
