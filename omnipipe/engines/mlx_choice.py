"""Choosing an answer's next token in MLX, with vLLM's meaning of the parameters and one random sequence a request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omnipipe.generation import GenerationParams
from omnipipe.page import ProblemError

# Where blanks are free, an unsure model writes blanks for ever.
_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class TokenChoice:
    """Chooses the tokens of one answer. mlx-vlm's own sampling draws a whole batch from one random sequence.

    `end_ids` end an answer, `grammar` binds its form.
    """

    def __init__(
        self,
        params: GenerationParams,
        prompt_ids: Sequence[int],
        *,
        end_ids: frozenset[int],
        grammar: Grammar | None = None,
    ) -> None:
        import mlx.core as mx

        self._mx: Any = mx
        self._params = params
        self._grammar = grammar
        self._ends = sorted(end_ids)
        self._prompt = sorted(set(prompt_ids))
        self._asked: Any = None
        self._counts: Any = None
        self._key: Any = None if params.seed is None else mx.random.key(params.seed)

    @property
    def is_plain(self) -> bool:
        """Whether the likeliest token is taken as it is, so that a whole batch can be chosen at once."""
        return self._params.is_greedy and not self.looks_back

    @property
    def looks_back(self) -> bool:
        """Whether the next token depends on more than its logits."""
        params = self._params
        has_penalty = params.repetition_penalty != 1 or params.presence_penalty != 0 or params.frequency_penalty != 0
        return has_penalty or bool(params.min_tokens or params.no_repeat_ngram_size) or self._grammar is not None

    def __call__(self, logits: Any, said: Sequence[int]) -> Any:
        """The next token as an array of one, out of `logits` of shape (1, vocabulary), after the tokens `said`."""
        mx = self._mx
        if self.looks_back:
            logits = self._changed(logits.astype(mx.float32), said)
        if self._params.is_greedy:
            return mx.argmax(logits, axis=-1)
        return self._sample(logits.astype(mx.float32))

    def _changed(self, logits: Any, said: Sequence[int]) -> Any:
        mx, params = self._mx, self._params
        if self._asked is None:
            self._counts = mx.zeros(logits.shape)
            self._asked = mx.zeros(logits.shape, dtype=mx.bool_)
            self._asked[:, mx.array(self._prompt, dtype=mx.int32)] = True
        if said:
            self._counts[:, said[-1]] += 1
        came = self._counts > 0
        if params.repetition_penalty != 1:
            rarer = mx.where(logits > 0, logits / params.repetition_penalty, logits * params.repetition_penalty)
            logits = mx.where(came | self._asked, rarer, logits)
        logits = logits - params.presence_penalty * came - params.frequency_penalty * self._counts
        if self._grammar is not None:
            logits = mx.where(self._grammar.allowed(said, logits.shape[-1]), logits, -float("inf"))
        refused = list(self._ends) if len(said) < params.min_tokens else []
        refused += _repeats(said, params.no_repeat_ngram_size)
        if refused:
            logits[:, mx.array(refused)] = -float("inf")
        return logits

    def _sample(self, logits: Any) -> Any:
        from mlx_vlm.sample_utils import apply_min_p, apply_top_k, apply_top_p

        mx, params = self._mx, self._params
        logits = logits / params.temperature
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        if params.min_p > 0:
            logprobs = apply_min_p(logprobs, params.min_p)
        if 0 < params.top_k < logits.shape[-1]:
            logprobs = apply_top_k(logprobs, params.top_k)
        if params.top_p < 1:
            logprobs = apply_top_p(logprobs, params.top_p)
        if self._key is None:
            return mx.random.categorical(logprobs)
        self._key, now = mx.random.split(self._key)
        return mx.random.categorical(logprobs, key=now)


class Grammar:
    """Which tokens may come next in an answer of a fixed form, by llguidance on the CPU.

    mlx-vlm's own processor for it needs a Metal kernel and knows no regular expressions.
    """

    def __init__(self, tokenizer: Any, schema: Mapping[str, object] | None, regex: str | None) -> None:
        """`tokenizer` is llguidance's.

        Raises:
            ProblemError: The schema or the expression is not a valid one.
        """
        from llguidance import LLMatcher

        matcher: Any = LLMatcher
        try:
            grammar = (
                matcher.grammar_from_json_schema(json.dumps(schema), overrides=_COMPACT)
                if regex is None
                else matcher.grammar_from_regex(regex)
            )
            error = matcher.validate_grammar(grammar, tokenizer)
        except ValueError as problem:
            error = str(problem)
        if error:
            raise ProblemError("stage_error", f"the response form is not valid: {error[:200]}")
        self._matcher: Any = matcher(tokenizer, grammar)

    def allowed(self, said: Sequence[int], vocab_size: int) -> Any:
        """A mask of shape (1, vocabulary) after `said`, whose last token is new since the call before."""
        import mlx.core as mx
        import numpy as np

        if said:
            self._matcher.consume_token(said[-1])
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        mask = np.unpackbits(bits, bitorder="little")[:vocab_size].astype(bool)
        mask = np.pad(mask, (0, vocab_size - len(mask)))
        return mx.array(mask)[None]


def _repeats(said: Sequence[int], size: int) -> list[int]:
    """Tokens that would make a sequence of `size` tokens come a second time."""
    if size < 1 or len(said) < size:
        return []
    last = list(said[len(said) - size + 1 :])
    starts = range(len(said) - size + 1)
    return [said[start + size - 1] for start in starts if list(said[start : start + size - 1]) == last]
