"""What happens to each row of a batch while transformers generates: it ends by itself, whatever the others do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from omnipipe.engines.answer import Answer
from omnipipe.engines.pytorch_params import samples_itself
from omnipipe.generation import GenerationParams


class Watch:
    """Follows a batch step by step. `processors` and `stopping` go to `generate`."""

    def __init__(self, answers: Sequence[Answer], params: GenerationParams, prompt_length: int) -> None:
        from transformers import LogitsProcessorList, StoppingCriteriaList

        self._answers = answers
        self._is_done = [False] * len(answers)
        self.logprobs: list[list[float]] = [[] for _ in answers]
        """Natural log probabilities of each answer's tokens; empty where they were not asked for."""
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
            own.append(_SeededChoice(params.seed or 0, len(answers)))
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
        logprobs = self._logprobs(last)
        for index, token in enumerate(last.tolist()):
            # A row that has ended goes on with padding until the last one has.
            if not self._is_done[index]:
                self.logprobs[index] += logprobs[index : index + 1]
                self._is_done[index] = not self._answers[index].take(token)
        return torch.tensor(self._is_done, dtype=torch.bool, device=input_ids.device)

    def _logprobs(self, chosen: Any) -> list[float]:
        if self._scores is None:
            return []
        scores = self._scores.float()
        logprobs: list[float] = (scores.gather(1, chosen[:, None])[:, 0] - scores.logsumexp(dim=-1)).tolist()
        return logprobs


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
