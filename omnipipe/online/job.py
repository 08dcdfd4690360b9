"""What a job is: one uploaded document, what was asked about it, and how far it is."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Literal, NamedTuple, Self

JobState = Literal["queued", "running", "done", "cancelled"]
"""`done`: every page has its row (rows may be `failed`). `cancelled`: by its owner, its client or its deadline;
pages without a row are rows of status `skipped` with the code `cancelled`."""

FINAL_STATES: frozenset[JobState] = frozenset({"done", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client wants of its document; all of it but `deadline` decides the rows.

    `pages` is 1-based as in `--pages` ("1-4,9"), None for all. `deadline` is in seconds since 1970. Passwords are not
    here: nothing of a job that is kept for long may hold one. That there were some is (`has_passwords`): who does not
    know them must not be answered with what they opened.
    """

    pipeline: str
    config_hash: str
    pages: str | None = None
    max_pages: int | None = None
    deadline: float | None = None
    has_passwords: bool = False

    @property
    def key(self) -> str:
        """16 hex digits over what decides the rows, beside the document's bytes."""
        plain = [self.pipeline, self.config_hash, self.pages, self.max_pages, self.has_passwords]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One upload and its state.

    `id` is 128 random bits as 32 hex digits. `owner` is the SHA-256 of the API key that made it ("" without keys): only
    that key may read it. `file_name` is the client's name for the document without any folder; it is the rows'
    `source_uri`. Times are in seconds since 1970. `num_pages` (pages that will have a row) and `page_count` (of the
    document) are None until the document was opened. `idempotency_key` is the client's own, unique for each owner.
    """

    id: str
    owner: str
    file_name: str
    size: int
    doc_id: str
    asked: Asked
    created_at: float
    state: JobState = "queued"
    finished_at: float | None = None
    page_count: int | None = None
    num_pages: int | None = None
    num_rows: int = 0
    idempotency_key: str | None = None
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in FINAL_STATES

    def with_(self, **changes: object) -> Self:
        """A changed copy."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def to_plain(self) -> dict[str, object]:
        """JSON-able values; `from_plain` is the way back."""
        # An eighth of the time of `dataclasses.asdict`; this is done for every state of every job.
        asked = dict(zip(_ASKED_NAMES, _asked_values(self.asked), strict=True))
        return dict(zip(_JOB_NAMES, _job_values(self), strict=True)) | {"asked": asked}

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> Job:
        """The job that `to_plain` wrote."""
        asked = plain["asked"]
        if not isinstance(asked, dict):
            raise ValueError(f"a job's 'asked' is {type(asked).__name__}, not an object")
        return cls(**{**plain, "asked": Asked(**asked)})  # type: ignore[arg-type]


_JOB_NAMES = tuple(each.name for each in fields(Job))
_ASKED_NAMES = tuple(each.name for each in fields(Asked))
_job_values = attrgetter(*_JOB_NAMES)
_asked_values = attrgetter(*_ASKED_NAMES)


class Row(NamedTuple):
    """One finished row of a job: the page's index from 0, its status, and the row as one line of JSON without an end.

    The JSON has the columns of `omnipipe.schema.PAGES` under the same names, `created_at` in ISO 8601. A `skipped` row
    that stands for a range has its first page's index, and `num_pages` in the JSON.
    """

    page_index: int
    status: str
    json: bytes


def new_job_id() -> str:
    """32 hex digits that nobody can guess."""
    return secrets.token_hex(16)
