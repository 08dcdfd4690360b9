"""Reading prompts one by one and writing their answers together, over mlx-vlm's models.

mlx-vlm's `batch_generate` writes the chat template itself, for one turn of words, and has one way of sampling for the
whole batch. Its `BatchGenerator`, which its server uses, mixes up pictures that were prepared one by one: in version
0.7.10 the deep visual features of the first prompt serve for all of a batch (`_merge_prefill_prompt_kwargs`).
Prompts read alone are exact, and writing is where batching pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omnipipe.engines.mlx_choice import TokenChoice

_STEPS_BETWEEN_CLEANUPS = 256


@dataclass(kw_only=True)
class Writing:
    """One answer while it is written. `on_token` is told each token and says whether the answer goes on.

    `is_wanted` is asked before the prompt is read, which takes the longest.
    """

    inputs: Mapping[str, Any]
    choice: TokenChoice
    on_token: Callable[[int], bool]
    is_wanted: Callable[[], bool]
    wants_logprobs: bool = False
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


@dataclass
class _Rows:
    """Answers that are written together: their caches, one a layer, and where their next positions begin."""

    writings: list[Writing]
    caches: list[Any]
    deltas: Any
    tokens: Any
    logprobs: Any

    def keep(self, indices: Sequence[int], mx: Any) -> None:
        """Only these rows go on."""
        if len(indices) == len(self.writings):
            return
        self.writings = [self.writings[index] for index in indices]
        if not indices:
            return
        kept = mx.array(list(indices), dtype=mx.int32)
        self.tokens = self.tokens[kept]
        self.logprobs = None if self.logprobs is None else self.logprobs[kept]
        self.deltas = None if self.deltas is None else self.deltas[kept]
        for cache in self.caches:
            cache.filter(kept)


class Decoder:
    """Writes the answers of a batch with `model` as mlx-vlm loaded it."""

    def __init__(self, model: Any) -> None:
        import mlx.core as mx

        self._mx: Any = mx
        self._model = model
        self._language: Any = model.language_model

    def write(self, writings: Sequence[Writing]) -> None:
        """Write all of `writings` to their end, but for those that nobody waits for."""
        read = [self._read(writing) for writing in writings if writing.is_wanted()]
        for rows in self._joined(read):
            self._write(rows)
        # The last step that was begun ahead has no taker.
        self._mx.synchronize()
        self._mx.clear_cache()

    def _read(self, writing: Writing) -> _Rows:
        """The prompt in a cache, and the first token."""
        from mlx_vlm.generate import generate_step
        from mlx_vlm.models.cache import make_prompt_cache

        mx = self._mx
        seen: list[Any] = []

        def first(logprobs: Any) -> Any:
            seen.append(logprobs)
            return mx.argmax(logprobs, axis=-1)

        inputs = dict(writing.inputs)
        prompt = (inputs.pop("input_ids"), self._model, inputs.pop("pixel_values", None))
        mask = inputs.pop("attention_mask", None)
        cache = make_prompt_cache(self._language)
        # Positions of the prompt before are left on the model.
        for name in ("_position_ids", "_rope_deltas"):
            if hasattr(self._language, name):
                setattr(self._language, name, None)
        # With no token to write, the library reads the prompt and hands the last logits to the sampler.
        for _ in generate_step(*prompt, mask, max_tokens=0, prompt_cache=cache, sampler=first, **inputs):
            raise AssertionError("mlx-vlm wrote a token beyond max_tokens=0")
        deltas = getattr(self._language, "_rope_deltas", None)
        rows = _Rows([writing], list(cache), None if deltas is None else mx.array(deltas).reshape(1, -1), None, None)
        self._choose(rows, seen[0])
        mx.eval(rows.tokens, [layer.state for layer in cache])
        return rows

    def _joined(self, read: Sequence[_Rows]) -> Iterator[_Rows]:
        mergeable = all(hasattr(type(layer), "merge") for rows in read for layer in rows.caches)
        if len(read) < 2 or not mergeable:
            yield from read
            return
        mx = self._mx
        caches = [type(layers[0]).merge(list(layers)) for layers in zip(*(rows.caches for rows in read), strict=True)]
        deltas = None if read[0].deltas is None else mx.concatenate([rows.deltas for rows in read])
        tokens = mx.concatenate([rows.tokens for rows in read])
        has_logprobs = any(rows.logprobs is not None for rows in read)
        logprobs = mx.concatenate([_or_zero(rows.logprobs, mx) for rows in read]) if has_logprobs else None
        yield _Rows([rows.writings[0] for rows in read], caches, deltas, tokens, logprobs)

    def _write(self, rows: _Rows) -> None:
        mx = self._mx
        steps = 0
        while rows.writings:
            # The device works on the next token while the last one is looked at.
            ahead = None
            if not any(writing.choice.looks_back for writing in rows.writings):
                ahead = _Rows(rows.writings, rows.caches, rows.deltas, None, None)
                self._choose(ahead, self._logits(rows))
                mx.async_eval(ahead.tokens)
            going = self._told(rows)
            if ahead is None:
                rows.keep(going, mx)
                if rows.writings:
                    self._choose(rows, self._logits(rows))
            else:
                rows = ahead
                rows.keep(going, mx)
            steps += 1
            if steps % _STEPS_BETWEEN_CLEANUPS == 0:
                mx.eval([layer.state for layer in rows.caches])
                mx.clear_cache()

    def _told(self, rows: _Rows) -> list[int]:
        """Tell each answer its token; the rows that go on."""
        going = []
        logprobs = None if rows.logprobs is None else rows.logprobs.tolist()
        for index, (writing, token) in enumerate(zip(rows.writings, rows.tokens.tolist(), strict=True)):
            writing.tokens.append(token)
            if writing.wants_logprobs and logprobs is not None:
                writing.logprobs.append(logprobs[index])
            if writing.on_token(token):
                going.append(index)
        return going

    def _logits(self, rows: _Rows) -> Any:
        positions = {} if rows.deltas is None else {"rope_deltas": rows.deltas}
        output = self._language(rows.tokens[:, None], cache=rows.caches, **positions)
        return output.logits[:, -1, :]

    def _choose(self, rows: _Rows, logits: Any) -> None:
        """Set the next token of each of `rows` from `logits` of shape (rows, vocabulary)."""
        mx = self._mx
        if all(writing.choice.is_plain for writing in rows.writings):
            rows.tokens = mx.argmax(logits, axis=-1)
        else:
            chosen = [
                writing.choice(logits[index : index + 1], writing.tokens) for index, writing in enumerate(rows.writings)
            ]
            rows.tokens = mx.concatenate(chosen)
        rows.logprobs = None
        if any(writing.wants_logprobs for writing in rows.writings):
            full = logits.astype(mx.float32)
            logprobs = full - mx.logsumexp(full, axis=-1, keepdims=True)
            rows.logprobs = mx.take_along_axis(logprobs, rows.tokens[:, None], axis=-1)[:, 0]


def _or_zero(logprobs: Any, mx: Any) -> Any:
    return mx.zeros((1,)) if logprobs is None else logprobs
