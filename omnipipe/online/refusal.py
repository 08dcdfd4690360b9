"""Why an upload does not become a job, and why there is no answer about one."""

from __future__ import annotations

from omnipipe.errors import InputError, OmnipipeError


class IdempotencyError(InputError):
    """The same idempotency key came before with another document or another question."""


class NoSuchJobError(OmnipipeError):
    """There is no such job, or not any more."""
