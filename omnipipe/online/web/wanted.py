"""What can be asked about a document or a job, with its bounds; query parameters win over form fields."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omnipipe.errors import ConfigError
from omnipipe.online.job import Asked
from omnipipe.online.web.errors import ApiProblem
from omnipipe.online.web.render import Form
from omnipipe.sources.pages import PageSelection

if TYPE_CHECKING:
    from omnipipe.online.web.app import Online

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
FormatAsked = Annotated[
    Form | None, Field(description="The form of the answer; wins over the Accept header. ndjson and sse are streams.")
]
WaitAsked = Annotated[
    Seconds | None,
    Field(description="Seconds to wait for the last page, at most the server's max_wait. A stream ends after them."),
]


class Wanted(BaseModel):
    """What is asked with a new document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pages: str | None = Field(None, min_length=1, max_length=1_000, description="Pages from 1, such as 1-4,9,12-.")
    max_pages: int | None = Field(
        None, ge=1, le=1_000_000, description="Pages that are read; more become skipped rows."
    )
    format: FormatAsked = None
    wait: WaitAsked = None
    deadline: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = Field(
        None, description="Seconds after which pages that are not read yet are given up; also as a header."
    )
    pipeline: str | None = Field(None, max_length=200, description="The name of a pipeline of /v1/pipelines.")
    file_name: str | None = Field(None, max_length=1_000, description="The document's name, for the rows.")
    detach: bool = Field(False, description="Go on with the job when the client goes away while it waits.")

    def over(self, fields: Mapping[str, object]) -> Self:
        """These wishes, and those of `fields` that are not among them.

        Raises:
            RequestValidationError: A field is wrong.
        """
        if not fields:
            return self
        given = {**fields, **self.model_dump(exclude_unset=True)}
        try:
            return type(self).model_validate(given)
        except ValidationError as error:
            raise RequestValidationError(
                [{"loc": ("body", *entry["loc"]), "msg": entry["msg"]} for entry in error.errors(include_url=False)]
            ) from error

    def asked(self, online: Online, *, has_passwords: bool) -> Asked:
        """What the job is asked, as the server allows it.

        Raises:
            ApiProblem: 422, where a pipeline or pages are named that there cannot be.
        """
        served = online.documents
        if self.pipeline not in (None, served.pipeline_name):
            raise ApiProblem(
                422,
                "unknown_pipeline",
                f"pipeline: {self.pipeline[:80]!r} is not served here. There is {served.pipeline_name!r}.",
            )
        if self.pages is not None:
            try:
                PageSelection.parse(self.pages)
            except ConfigError as error:
                raise ApiProblem(422, "invalid", str(error).removeprefix("--")) from error
        most = online.settings.max_pages
        return Asked(
            pipeline=served.pipeline_name,
            config_hash=served.config_hash,
            pages=self.pages,
            max_pages=min(self.max_pages or most, most),
            deadline=time.time() + (self.deadline or online.settings.default_deadline),
            has_passwords=has_passwords,
        )


class JobWanted(BaseModel):
    """What is asked about a job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: FormatAsked = None
    wait: WaitAsked = None
    start: int | None = Field(None, ge=0, le=100_000_000, description="Rows to leave out, in the order they came.")
