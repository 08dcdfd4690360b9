"""What is asked of a page: the tests of olmOCR's bench, one object a test, as users write them in JSON lines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from omnipipe.evaluation.normal import normalise

_NonEmpty = Annotated[str, Field(min_length=1)]


class _Case(BaseModel):
    """`pdf` ends the path of a document, `page` counts from 1; up to `max_diffs` characters may be wrong.

    `checked` and `url` are remarks of whoever wrote the test and change nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    pdf: _NonEmpty
    page: int = Field(ge=1)
    id: _NonEmpty
    max_diffs: int = Field(0, ge=0)
    checked: str | None = None
    url: str | None = None


class TextCase(_Case):
    """`text` occurs in the page's text, or does not; `first_n` and `last_n` look at so many characters only."""

    type: Literal["present", "absent"]
    text: str
    case_sensitive: bool = True
    first_n: int | None = Field(None, ge=0)
    last_n: int | None = Field(None, ge=0)

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        return _not_blank(value)


class OrderCase(_Case):
    """Somewhere `before` begins before `after` does."""

    type: Literal["order"]
    before: str
    after: str

    @field_validator("before", "after")
    @classmethod
    def _says_something(cls, value: str) -> str:
        return _not_blank(value)

    @model_validator(mode="after")
    def _is_told_apart(self) -> OrderCase:
        for name, text in (("before", self.before), ("after", self.after)):
            most = len(normalise(text)) // 2
            if self.max_diffs > most:
                raise ValueError(f"max_diffs={self.max_diffs} is over half of '{name}'. At most {most} can be let pass")
        return self


class TableCase(_Case):
    """Some table has a cell `cell` with these neighbours, under `top_heading` and beside `left_heading`."""

    type: Literal["table"]
    cell: str
    up: str | None = None
    down: str | None = None
    left: str | None = None
    right: str | None = None
    top_heading: str | None = None
    left_heading: str | None = None
    ignore_markdown_tables: bool = False


class BaselineCase(_Case):
    """The text is there, does not end in a loop and has no signs that models make up.

    With `max_length` it is only no longer than so many letters and digits: a blank page.
    """

    type: Literal["baseline"]
    max_length: int | None = Field(None, ge=0)
    max_length_skips_image_alt_tags: bool = False
    max_repeats: int = Field(30, ge=0)
    check_disallowed_characters: bool = True


class MathCase(_Case):
    """A formula in the text is set like `math` (LaTeX)."""

    type: Literal["math"]
    math: str
    ignore_dollar_delimited: bool = False

    @field_validator("math")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("it is blank")
        return value


Case = TextCase | OrderCase | TableCase | BaselineCase | MathCase

CASE_TYPES: dict[str, type[Case]] = {
    "present": TextCase,
    "absent": TextCase,
    "order": OrderCase,
    "table": TableCase,
    "baseline": BaselineCase,
    "math": MathCase,
}
"""The model of each value of `type`."""


def _not_blank(value: str) -> str:
    if not normalise(value).strip():
        raise ValueError("nothing is left of it once markup and white space are taken away")
    return value
