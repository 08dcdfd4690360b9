"""What went wrong between us and a server, and what to do about it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

_MAX_MESSAGE = 300


class Remedy(Enum):
    """What a fault asks for."""

    RETRY = "retry"
    GIVE_UP = "give up"
    """No other request will fare better either."""
    END = "end"


class Fault(Exception):  # noqa: N818 - it never leaves the engine
    """One attempt failed. `code` and the message are what the page's row says if nothing helps.

    `is_overload` is a server with too much to do; `is_silent` means that nothing at all was heard of it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        remedy: Remedy,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        is_overload: bool = False,
        is_silent: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.status = status
        self.retry_after = retry_after
        self.is_overload = is_overload
        self.is_silent = is_silent


_OVERFLOW = re.compile(
    r"context.{0,20}(length|window|size)|max_model_len|maximum.{0,20}(length|tokens)|too many tokens|"
    r"(prompt|input|sequence).{0,40}(too long|longer than|exceed)|exceed.{0,40}(context|token)",
    re.IGNORECASE,
)
_OVERFLOW_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"})
# Their message says that money has run out: waiting does not help.
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_RETRIED = frozenset({408, 425, 429})


def fault_of_status(status: int, body: str, headers: Mapping[str, str], secrets: Collection[str] = ()) -> Fault:
    """The fault that an answer with a status from 300 means; redirections are not followed."""
    said, error_code = _said(body) if status >= 400 else (f"go to {headers.get('location', 'nowhere')}", "")
    said = redacted(said, secrets) or "no reason given"
    message = f"the server answered {status}: {said}"
    if status in {401, 402} or error_code in _QUOTA_CODES:
        return Fault("http_4xx", message, Remedy.END, status=status)
    if status in _RETRIED or status >= 500:
        code = "http_4xx" if status < 500 else "http_5xx"
        wait = retry_after(headers, datetime.now(UTC))
        return Fault(code, message, Remedy.RETRY, status=status, retry_after=wait, is_overload=True)
    if status in {400, 413, 422} and (error_code in _OVERFLOW_CODES or _OVERFLOW.search(said)):
        return Fault("context_overflow", message, Remedy.GIVE_UP, status=status)
    return Fault("http_4xx", message, Remedy.GIVE_UP, status=status)


def fault_of_silence(reason: str, secrets: Collection[str] = ()) -> Fault:
    """No connection, or one that ended before the answer did."""
    message = f"no answer from the server: {redacted(reason, secrets)}"
    return Fault("http_5xx", message, Remedy.RETRY, is_overload=True, is_silent=True)


def fault_of_nonsense(what: str, secrets: Collection[str] = ()) -> Fault:
    """An answer with status 200 that is none."""
    return Fault("http_5xx", f"the server's answer makes no sense: {redacted(what, secrets)}", Remedy.RETRY)


def fault_of_timeout(seconds: float) -> Fault:
    """An attempt that took longer than it may."""
    message = f"no answer within {seconds:g} s. Raise request_timeout, or lower max_tokens."
    return Fault("engine_timeout", message, Remedy.RETRY, is_overload=True)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a server asks to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date)."""
    lower = {name.lower(): value for name, value in headers.items()}
    if (ms := _number(lower.get("retry-after-ms"))) is not None:
        return ms / 1000
    written = lower.get("retry-after")
    if (seconds := _number(written)) is not None:
        return seconds
    try:
        until = parsedate_to_datetime(written or "")
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


def redacted(text: str, secrets: Collection[str]) -> str:
    """`text` on one line, cut to 300 characters, with every secret as asterisks."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())[:_MAX_MESSAGE]


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _said(body: str) -> tuple[str, str]:
    """A server's words for people, and its code; OpenAI's, vLLM's, FastAPI's and Azure's ways of saying it."""
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        return body, ""
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if not isinstance(error, dict):
        return str(error), ""
    words = error.get("message") or error.get("detail") or error.get("msg") or body
    return str(words), str(error.get("code") or error.get("type") or "")
