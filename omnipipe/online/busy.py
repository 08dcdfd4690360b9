"""What a client is told to try again later."""

from __future__ import annotations

from omnipipe.errors import OmnipipeError


class BusyError(OmnipipeError):
    """There is no room for more at the moment. `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
