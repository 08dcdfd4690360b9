"""What happens to each row of a batch while transformers generates: it ends by itself, whatever the others do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from omnipipe.engines.answer_text import AnswerText
from omnipipe.engines.batching import Prepared
from omnipipe.engines.pytorch_params import samples_itself
from omnipipe.engines.repetition import is_looping
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, FinishReason

Decode = Callable[[list[int]], str]


class Row:
    """One answer while it is written: it ends by its tokens, its stop texts, its length, a loop, or nobody waiting."""

    def __init__(self, asked: Prepared, decode: Decode, end_ids: Collection[int], limit: int) -> None:
        params = asked.request.params
        self._asked = asked
        self._decode = decode
        self._end_ids = frozenset(end_ids) | frozenset(params.stop_token_ids)
        self.limit = min(params.max_tokens, limit)
        self._stops_loops = params.stop_on_repetition
        self._tokens: list[int] = []
        self._logprob_sum: float | None = None
        # Text is decoded step by step only where somebody wants to know it before the end.
        needs_text = bool(params.stop) or asked.say is not None
        self._text = AnswerText(decode, params.stop) if needs_text else None
        self._finish: FinishReason | None = None

    def take(self, token: int, logprob: float | None) -> bool:
        """Add `token`, unless the row has ended; whether it goes on."""
        if self._finish is not None:
            return False
        self._tokens.append(token)
        if logprob is not None:
            self._logprob_sum = (self._logprob_sum or 0.0) + logprob
        self._finish = self._finished(token)
        if self._finish is not None and self._text is not None:
            self._say(self._text.finish())
        return self._finish is None and self._asked.is_wanted

    def completion(self, model: str) -> Completion:
        """The answer as it ended; one that nobody waits for is cut."""
        text = self._text.text if self._text is not None else self._decode(self._tokens)
        return Completion(
            text=text,
            finish_reason=self._finish or "length",
            prompt_tokens=self._asked.num_tokens,
            completion_tokens=len(self._tokens),
            logprob=None if self._logprob_sum is None else self._logprob_sum / len(self._tokens),
            token_ids=tuple(self._tokens),
            model=model,
        )

    def _finished(self, token: int) -> FinishReason | None:
        if token in self._end_ids:
            return "stop"
        if self._text is not None:
            self._say(self._text.add(token))
            if self._text.is_stopped:
                return "stop"
        if self._stops_loops and is_looping(self._tokens):
            return "repetition"
        return "length" if len(self._tokens) >= self.limit else None

    def _say(self, piece: str) -> None:
        if piece and self._asked.say is not None:
            self._asked.say(piece)


class Watch:
    """Follows a batch step by step. `processors` and `stopping` go to `generate`."""

    def __init__(self, rows: Sequence[Row], params: GenerationParams, prompt_length: int) -> None:
        from transformers import LogitsProcessorList, StoppingCriteriaList

        self._rows = rows
        self._params = params
        self._prompt_length = prompt_length
        self._scores: Any = None
        self._counts: Any = None
        own: list[Any] = []
        if params.presence_penalty or params.frequency_penalty:
            own.append(self._penalise)
        if params.logprobs:
            own.append(self._remember)
        if samples_itself(params):
            own += _warpers(params)
            own.append(_SeededChoice(params.seed or 0, len(rows)))
        self.processors: Any = LogitsProcessorList(own)
        self.stopping: Any = StoppingCriteriaList([self._stop])

    def _penalise(self, input_ids: Any, scores: Any) -> Any:
        """Presence and frequency penalties over the answer so far, as vLLM and OpenAI have them."""
        import torch

        if self._counts is None:
            self._counts = torch.zeros_like(scores, dtype=torch.float32)
        elif input_ids.shape[1] > self._prompt_length:
            last = input_ids[:, -1:]
            self._counts.scatter_add_(1, last, torch.ones_like(last, dtype=torch.float32))
        params = self._params
        return scores - params.presence_penalty * (self._counts > 0) - params.frequency_penalty * self._counts

    def _remember(self, input_ids: Any, scores: Any) -> Any:
        self._scores = scores
        return scores

    def _stop(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        last = input_ids[:, -1]
        logprobs: list[float | None] = [None] * len(self._rows)
        if self._scores is not None:
            scores = self._scores.float()
            chosen = scores.gather(1, last[:, None])[:, 0] - scores.logsumexp(dim=-1)
            logprobs = chosen.tolist()
        is_done = [
            not row.take(token, logprob)
            for row, token, logprob in zip(self._rows, last.tolist(), logprobs, strict=True)
        ]
        return torch.tensor(is_done, dtype=torch.bool, device=input_ids.device)


class _SeededChoice:
    """Draws each row's token from a random sequence of its own, and leaves no other to choose."""

    def __init__(self, seed: int, num_rows: int) -> None:
        self._seed = seed
        self._num_rows = num_rows
        self._generators: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        if not self._generators:
            # On the CPU, so that a seed means the same on every device.
            self._generators = [torch.Generator().manual_seed(self._seed) for _ in range(self._num_rows)]
        shares = scores.float().softmax(dim=-1).cpu()
        drawn = [
            torch.multinomial(shares[index], 1, generator=generator) for index, generator in enumerate(self._generators)
        ]
        chosen = torch.stack(drawn).to(scores.device)
        return torch.full_like(scores, -float("inf")).scatter_(1, chosen, 0.0)


def _warpers(params: GenerationParams) -> list[Any]:
    from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    offered: list[tuple[bool, Callable[[], Any]]] = [
        (params.temperature != 1, partial(TemperatureLogitsWarper, float(params.temperature))),
        (params.top_k > 0, partial(TopKLogitsWarper, params.top_k)),
        (params.top_p < 1, partial(TopPLogitsWarper, params.top_p)),
        (params.min_p > 0, partial(MinPLogitsWarper, params.min_p)),
    ]
    return [make() for is_on, make in offered if is_on]
