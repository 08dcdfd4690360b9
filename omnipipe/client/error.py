"""What can go wrong between a client and its server; see `omnipipe.errors` for the tree above these."""

from __future__ import annotations

from omnipipe.errors import OmnipipeError


class ServerError(OmnipipeError):
    """The server refused, or failed. No message holds an API key.

    `status` is the HTTP status, `code` the server's stable word for it (`http_STATUS` where it gave none), `message`
    its sentence, at most 500 characters.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"HTTP {status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[ServerError], tuple[int, str, str]]:
        return type(self), (self.status, self.code, self.message)


class NotReachedError(OmnipipeError):
    """The server could not be reached, or cut the connection, for longer than the client was told to go on trying."""


class UnfinishedError(OmnipipeError):
    """A job was not final in the time that was given. It goes on at the server; `job_id` finds it again."""

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(f"Job {job_id} is not final after {seconds:g} s. It goes on: client.job({job_id!r}).result()")
        self.job_id = job_id
        self._seconds = seconds

    def __reduce__(self) -> tuple[type[UnfinishedError], tuple[str, float]]:
        return type(self), (self.job_id, self._seconds)
