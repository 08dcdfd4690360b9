"""Everything that omnipipe raises, and the stable codes of page errors.

OmnipipeError
├── UserError             the command line, a config or an input is wrong: exit code 2, no traceback
│   ├── ConfigError       a setting: unknown, of the wrong type, or in conflict with another
│   ├── InputError        an input cannot be found or read at all
│   ├── OutputError       the run directory cannot be used as asked
│   └── MissingExtraError an optional package is not installed; the message has the command
├── AccountingError       pages in != pages out, or more pages failed than allowed: exit code 1
├── RunStopped            stopped before the end; what is committed stays valid: exit code 1
│   └── Interrupted       by Ctrl-C: exit code 130; by SIGTERM: 143
├── EngineDeadError       an engine cannot answer any more; its worker must be replaced
├── ServerError           of a client: the server refused, or failed; has its status and code
├── NotReachedError       of a client: the server could not be reached for as long as was tried
└── UnfinishedError       of a client: a job was not final in the time that was given
"""

from __future__ import annotations

ERROR_CODES = frozenset(
    {
        "encrypted",
        "corrupt",
        "empty",
        "unsupported",
        "too_large",
        "changed",
        "missing",
        "unreadable",
        "render_timeout",
        "render_crash",
        "document_timeout",
        "oom",
        "stage_error",
        "stage_timeout",
        "worker_died",
        "engine_timeout",
        "engine_dead",
        "context_overflow",
        "repetition",
        "truncated",
        "http_4xx",
        "http_5xx",
        "cancelled",
        "max_pages",
        "unanswered",
    }
)
"""Stable values of the `error_code` column. A code is never renamed or given another meaning."""


class OmnipipeError(Exception):
    """Base of all errors that omnipipe raises on purpose."""

    exit_code = 1


class UserError(OmnipipeError):
    """Something the user can put right; the message says what and how."""

    exit_code = 2


class ConfigError(UserError):
    """A setting is unknown, of the wrong type, or in conflict with another."""


class InputError(UserError):
    """An input cannot be found or read at all."""


class OutputError(UserError):
    """The run directory cannot be used as asked."""


class MissingExtraError(UserError, ImportError):
    """An optional package is not installed."""

    def __init__(self, feature: str, package: str, install: str) -> None:
        super().__init__(f"{feature} requires {package}. Install with: {install}")


class AccountingError(OmnipipeError):
    """Pages in do not equal pages out, or more pages failed than were allowed."""


class RunStopped(OmnipipeError):
    """A run ended early; committed pages stay valid and the same command goes on."""


class Interrupted(RunStopped):
    """Ctrl-C: exit code 130. SIGTERM (`is_terminated`): 143."""

    exit_code = 130

    def __init__(self, message: str, *, is_terminated: bool = False) -> None:
        super().__init__(message)
        if is_terminated:
            self.exit_code = 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, where that ends a program as Ctrl-C does."""


class EngineDeadError(OmnipipeError):
    """An engine cannot answer any more."""
