"""What servers answer, read without trust: every shape that is not an answer is a fault."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from omnipipe.engines.api_errors import Fault, Remedy, fault_of_nonsense, fault_of_status, redacted
from omnipipe.engines.price import Price
from omnipipe.model import Completion, FinishReason

_FINISHES: Mapping[str, FinishReason] = {"length": "length", "max_tokens": "length", "repetition": "repetition"}
_BROKEN_OFF = frozenset({"abort", "error", "cancelled"})


def to_completion(body: str, price: Price | None, secrets: Collection[str]) -> Completion:
    """The answer that `body`, a chat completion as JSON, has.

    Raises:
        Fault: It has none.
    """
    plain = parsed(body, secrets)
    choices = plain.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise fault_of_nonsense("it has no choices", secrets)
    choice = choices[0]
    raise_for_choice(choice, secrets)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise fault_of_nonsense("its choice has no message", secrets)
    if message.get("refusal"):
        raise Fault("http_4xx", f"the model refused: {redacted(str(message['refusal']), secrets)}", Remedy.GIVE_UP)
    text = message.get("content")
    if not isinstance(text, str | None):
        raise fault_of_nonsense("its content is no text", secrets)
    model = plain.get("model")
    return Completion(
        text=text or "",
        finish_reason=_FINISHES.get(str(choice.get("finish_reason")), "stop"),
        logprob=_mean_logprob(choice),
        model=model if isinstance(model, str) else None,
        **_usage(plain.get("usage"), price),
    )


class StreamedAnswer:
    """An answer whose events are taken one by one."""

    def __init__(self, price: Price | None, secrets: Collection[str]) -> None:
        self._price = price
        self._secrets = secrets
        self._text: list[str] = []
        self._finish: FinishReason = "stop"
        self._usage: dict[str, Any] = {}
        self._model: str | None = None

    def take(self, data: str) -> str:
        """The new text of one event; empty where it has none.

        Raises:
            Fault: The event says that the answer has failed.
        """
        plain = parsed(data, self._secrets)
        # Some servers count in every event; the last one knows all.
        self._usage = _usage(plain.get("usage"), self._price) or self._usage
        model = plain.get("model")
        self._model = model if isinstance(model, str) else self._model
        choices = plain.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return ""
        raise_for_choice(choices[0], self._secrets)
        self._finish = _FINISHES.get(str(choices[0].get("finish_reason")), self._finish)
        delta = choices[0].get("delta")
        piece = delta.get("content") if isinstance(delta, dict) else None
        if not isinstance(piece, str):
            return ""
        self._text.append(piece)
        return piece

    def completion(self) -> Completion:
        """The whole answer, after its last event."""
        return Completion(text="".join(self._text), finish_reason=self._finish, model=self._model, **self._usage)


def parsed(body: str, secrets: Collection[str]) -> dict[str, Any]:
    """The JSON object in `body`.

    Raises:
        Fault: There is none, or it is an error in the clothes of an answer.
    """
    try:
        plain = json.loads(body)
    except ValueError:
        raise fault_of_nonsense(f"no JSON but {body[:60]!r}", secrets) from None
    if not isinstance(plain, dict):
        raise fault_of_nonsense(f"no JSON object but {body[:60]!r}", secrets)
    error = plain.get("error")
    if error:
        # OpenRouter answers 200 and has the status of the server behind it in `code`.
        code = error.get("code") if isinstance(error, dict) else None
        raise fault_of_status(code if isinstance(code, int) and 400 <= code < 600 else 502, body, {}, secrets)
    return plain


def raise_for_choice(choice: Mapping[str, Any], secrets: Collection[str]) -> None:
    """Return if `choice` ended as answers end.

    Raises:
        Fault: It was withheld or broken off.
    """
    finish = str(choice.get("finish_reason"))
    if finish == "content_filter":
        raise Fault("http_4xx", "the server withheld the answer (finish_reason content_filter).", Remedy.GIVE_UP)
    if finish in _BROKEN_OFF:
        raise fault_of_nonsense(f"it was broken off (finish_reason {finish})", secrets)


def _usage(usage: object, price: Price | None) -> dict[str, Any]:
    if not isinstance(usage, dict):
        return {}
    prompt, answer = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    details = usage.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else None
    said = usage.get("cost")
    cost = float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
    if cost is None and price is not None and prompt is not None and answer is not None:
        cost = price.cost(prompt, answer, cached)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "cached_tokens": cached, "cost_usd": cost}


def _count(counts: Mapping[str, Any], name: str) -> int | None:
    value = counts.get(name)
    return value if isinstance(value, int) and value >= 0 else None


def _mean_logprob(choice: Mapping[str, Any]) -> float | None:
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        return None
    values = [token["logprob"] for token in tokens if isinstance(token, dict) and "logprob" in token]
    return sum(values) / len(values) if values else None
