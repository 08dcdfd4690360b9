"""An answer while its tokens come, for libraries that leave its end to us."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from omnipipe.engines.answer_text import AnswerText
from omnipipe.engines.batching import Prepared
from omnipipe.engines.repetition import is_looping
from omnipipe.model import Completion, FinishReason


class Answer:
    """Ends by its tokens, its stop texts, its length, a loop, or because nobody waits for it any more."""

    def __init__(
        self, asked: Prepared, room: int, decode: Callable[[list[int]], str], end_ids: Collection[int]
    ) -> None:
        """`room` is the number of tokens that the context has left; `decode` leaves special tokens out."""
        params = asked.request.params
        self._asked = asked
        self._ends = {*end_ids, *params.stop_token_ids}
        self._limit = min(params.max_tokens, room)
        self._tokens: list[int] = []
        self._text = AnswerText(decode, params.stop)
        self._finish: FinishReason | None = None

    def take(self, token: int) -> bool:
        """Add `token`; whether the answer goes on."""
        self._tokens.append(token)
        self._finish = self._finished(token)
        if self._finish is not None:
            self._say(self._text.finish())
        return self._finish is None and self._asked.is_wanted

    def completion(self, model: str, logprobs: Sequence[float]) -> Completion:
        """The answer as it ended, with the log probabilities of its tokens if they were asked for."""
        return Completion(
            text=self._text.text,
            finish_reason=self._finish or "length",
            prompt_tokens=self._asked.num_tokens,
            completion_tokens=len(self._tokens),
            logprob=sum(logprobs) / len(logprobs) if logprobs else None,
            token_ids=tuple(self._tokens),
            model=model,
        )

    def _finished(self, token: int) -> FinishReason | None:
        if token in self._ends:
            return "stop"
        self._say(self._text.add(token))
        if self._text.is_stopped:
            return "stop"
        if self._asked.request.params.stop_on_repetition and is_looping(self._tokens):
            return "repetition"
        return "length" if len(self._tokens) >= self._limit else None

    def _say(self, piece: str) -> None:
        if piece and self._asked.say is not None:
            self._asked.say(piece)
