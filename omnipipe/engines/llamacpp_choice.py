"""Choosing an answer's next token with llama.cpp's own samplers, in vLLM's order."""

from __future__ import annotations

import weakref
from collections.abc import Collection
from ctypes import Array
from typing import Any, NamedTuple

from omnipipe.generation import GenerationParams

SUPPORTED = frozenset(GenerationParams.model_fields) - {"no_repeat_ngram_size"}
"""The fields of `GenerationParams` that llama.cpp honours."""


class Step(NamedTuple):
    """One sampler of a chain: `llama_sampler_init_{name}` and its arguments."""

    name: str
    given: tuple[float, ...] = ()


def to_steps(params: GenerationParams, *, n_vocab: int, n_ctx: int, seed: int) -> list[Step]:
    """The samplers for `params`, in order. Penalties count the whole answer (`n_ctx`), and not the prompt."""
    steps = []
    penalties = (params.repetition_penalty, params.frequency_penalty, params.presence_penalty)
    if penalties != (1.0, 0.0, 0.0):
        steps.append(Step("penalties", (n_vocab, n_ctx, *penalties)))
    if params.is_greedy:
        return [*steps, Step("greedy")]
    steps.append(Step("temp", (params.temperature,)))
    if params.min_p > 0:
        steps.append(Step("min_p", (params.min_p, 1)))
    if params.top_k > 0:
        steps.append(Step("top_k", (params.top_k,)))
    if params.top_p < 1:
        steps.append(Step("top_p", (params.top_p, 1)))
    return [*steps, Step("dist", (seed,))]


class TokenChoice:
    """Chooses the tokens of one answer of `llama`; `gbnf` is the grammar of its form."""

    def __init__(
        self, llama: Any, params: GenerationParams, *, seed: int, end_ids: Collection[int], gbnf: str | None
    ) -> None:
        self._context = llama.ctx
        self._min_tokens = params.min_tokens
        self._num_chosen = 0
        steps = to_steps(params, n_vocab=llama.n_vocab(), n_ctx=llama.n_ctx(), seed=seed)
        refused = {*end_ids, *params.stop_token_ids} if params.min_tokens else set()
        # An answer that may not end yet is chosen by a chain of its own, and the other one follows.
        self._chain = _Chain(llama, steps, gbnf, set())
        self._early = _Chain(llama, steps, gbnf, refused) if refused else self._chain

    def next(self) -> int:
        """The next token, after what the model has read and written."""
        import llama_cpp

        chain = self._early if self._num_chosen < self._min_tokens else self._chain
        token = int(llama_cpp.llama_sampler_sample(chain.pointer, self._context, -1))
        if chain is not self._chain:
            llama_cpp.llama_sampler_accept(self._chain.pointer, token)
        self._num_chosen += 1
        return token


class _Chain:
    """Samplers one after the other, freed with this object."""

    def __init__(self, llama: Any, steps: Collection[Step], gbnf: str | None, refused: Collection[int]) -> None:
        import llama_cpp

        cpp: Any = llama_cpp
        self.pointer: Any = cpp.llama_sampler_chain_init(cpp.llama_sampler_chain_default_params())
        weakref.finalize(self, cpp.llama_sampler_free, self.pointer)
        added = []
        if refused:
            biases = _never(cpp, refused)
            added.append(cpp.llama_sampler_init_logit_bias(llama.n_vocab(), len(biases), biases))
        if gbnf is not None:
            vocab = cpp.llama_model_get_vocab(llama.model)
            added.append(cpp.llama_sampler_init_grammar(vocab, gbnf.encode(), b"root"))
        added += [getattr(cpp, f"llama_sampler_init_{step.name}")(*step.given) for step in steps]
        for sampler in added:
            cpp.llama_sampler_chain_add(self.pointer, sampler)


def _never(cpp: Any, tokens: Collection[int]) -> Array[Any]:
    biases: Array[Any] = (cpp.llama_logit_bias * len(tokens))()
    for bias, token in zip(biases, sorted(tokens), strict=True):
        bias.token, bias.bias = token, -float("inf")
    return biases
