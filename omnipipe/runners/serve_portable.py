"""Errors on their way between replicas: as values, so that Ray neither logs nor rewraps them."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import NoReturn

from omnipipe.errors import OmnipipeError, RunStopped, UserError


@dataclass(frozen=True, slots=True)
class Failed:
    """A call that raised; `raise_` raises it again where the answer is wanted."""

    error: OmnipipeError

    def raise_(self) -> NoReturn:
        """Raise what the call raised."""
        raise self.error


def portable(error: Exception) -> Failed:
    """`error` as its own type where that can travel, else as one that says the same."""
    if isinstance(error, OmnipipeError):
        try:
            if isinstance(pickle.loads(pickle.dumps(error)), type(error)):
                return Failed(error)
        except Exception:  # noqa: BLE001 - whatever it is, it cannot travel
            pass
        return Failed((UserError if isinstance(error, UserError) else RunStopped)(str(error)))
    where = "".join(traceback.format_exception(error)[-3:])
    return Failed(RunStopped(f"a replica raised {type(error).__name__}: {error}\n{where}"))


def first_sentence(text: str) -> str | None:
    """What one of our own errors said at the end of a traceback that Ray wrote; None where there is none."""
    for line in reversed(text.splitlines()):
        name, colon, message = line.strip().partition(": ")
        if colon and name.startswith("omnipipe.") and name.endswith("Error"):
            return message
    return None
