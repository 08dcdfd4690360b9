"""What can be asked about a document or a job, with its bounds; query parameters win over form fields."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omnipipe.online.job import Asked
from omnipipe.online.web.errors import ApiProblem
from omnipipe.online.web.page_image import Picture
from omnipipe.online.web.render import Form

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

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

    def asked(self, online: Online) -> Asked:
        """What the job is asked, as the server allows it.

        Raises:
            ApiProblem: 422, where a pipeline is named that is not served.
        """
        served = online.documents
        if self.pipeline not in (None, served.pipeline_name):
            raise ApiProblem(
                422,
                "unknown_pipeline",
                f"pipeline: {self.pipeline[:80]!r} is not served here. There is {served.pipeline_name!r}.",
            )
        return Asked(
            pipeline=served.pipeline_name,
            config_hash=served.config_hash,
            pages=self.pages,
            max_pages=self.max_pages,
            deadline=None if self.deadline is None else time.time() + self.deadline,
        )


class JobWanted(BaseModel):
    """What is asked about a job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: FormatAsked = None
    wait: WaitAsked = None
    start: int | None = Field(None, ge=0, le=100_000_000, description="Rows to leave out, in the order they came.")


class PictureWanted(BaseModel):
    """What is asked about a page's picture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Picture | None = Field(None, description="Wins over the Accept header.")
    longest_side: int = Field(1_600, ge=64, le=4_000, description="Pixels of the longer side at most.")
