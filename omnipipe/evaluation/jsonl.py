"""Files of tests and of truth: JSON lines, each checked, with the line and what is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omnipipe.errors import InputError
from omnipipe.evaluation.case import CASE_TYPES, BaselineCase, Case

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


_Row = TypeVar("_Row", bound=BaseModel)


class Truth(BaseModel):
    """The text of one page (from 1), or of all pages of the document `path` where `page` is None.

    `truth_kind` names where it comes from. Only the words count, not their order, where `order_checked` is false.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str = Field(min_length=1)
    page: int | None = Field(None, ge=1)
    format: Literal["text", "markdown"] = "text"
    truth_kind: str = "human"
    order_checked: bool = True
    text: str


class Filed(NamedTuple):
    """A test, and the name of its category: that of the file it stands in."""

    case: Case
    category: str


class _Line(NamedTuple):
    place: str
    values: dict[str, object]


def load_cases(paths: Sequence[Path], *, with_baseline: bool = False) -> list[Filed]:
    """The tests in `paths`, in order; a folder stands for its .jsonl files.

    `with_baseline` adds one baseline test for the first page of every document that has none, as olmOCR's bench does.

    Raises:
        InputError: A file or a line is not what it should be, or two tests have the same id.
    """
    filed: list[Filed] = []
    places: dict[str, str] = {}
    for path in _files(paths):
        before = len(filed)
        for line in _lines(path):
            case = _case(line)
            if case.id in places:
                raise InputError(
                    f"{line.place}: the id {case.id!r} is taken by {places[case.id]}. Ids tell tests apart."
                )
            places[case.id] = line.place
            filed.append(Filed(case, path.name))
        if len(filed) == before:
            raise InputError(f"{path} holds no test. Write one JSON object a line.")
    return filed + (_baselines(filed) if with_baseline else [])


def load_truths(path: Path) -> list[Truth]:
    """The rows of a file of true texts.

    Raises:
        InputError: The file or a line is not what it should be, or a page is there twice.
    """
    truths: list[Truth] = []
    places: dict[tuple[str, int | None], str] = {}
    for line in _lines(path):
        truth = _checked(line, Truth, "a row of truth")
        key = truth.path, truth.page
        if key in places:
            which = "the whole document" if truth.page is None else f"page {truth.page}"
            raise InputError(f"{line.place}: {which} of {truth.path!r} is there already, at {places[key]}. Keep one.")
        places[key] = line.place
        truths.append(truth)
    if not truths:
        raise InputError(f"{path} holds no row. Write one JSON object a line.")
    return truths


def _baselines(filed: Sequence[Filed]) -> list[Filed]:
    have = {entry.case.pdf for entry in filed if entry.case.type == "baseline"}
    names = [name for name in dict.fromkeys(entry.case.pdf for entry in filed) if name not in have]
    return [
        Filed(BaselineCase(pdf=name, page=1, id=f"{name}_baseline", type="baseline"), "added baselines")
        for name in names
    ]


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.glob("*.jsonl"))
        if not found:
            raise InputError(f"{path} holds no .jsonl file. Name files of tests, or a folder with some.")
        yield from found


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(b"\xef\xbb\xbf").strip()
                if text:
                    yield _Line(f"{path}:{number}", _object(text, f"{path}:{number}"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Name a file of JSON lines.") from error


def _object(line: bytes, place: str) -> dict[str, object]:
    try:
        # As text: of bytes the library would guess the encoding, and UTF-16 pass where a file has one line only.
        values = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: byte {error.start + 1} is not UTF-8. Save the file as UTF-8.") from error
    except RecursionError as error:
        raise InputError(f"{place}: nested too deeply for a test. Write one JSON object a line.") from error
    except ValueError as error:
        raise InputError(f"{place}: not JSON: {str(error)[:80]}. Write one JSON object a line.") from error
    if not isinstance(values, dict):
        raise InputError(f"{place}: {_short(values)} is no JSON object. Write one a line, in braces.")
    return values


def _case(line: _Line) -> Case:
    kind = line.values.get("type")
    if not isinstance(kind, str) or kind not in CASE_TYPES:
        wrong = "the field 'type' is missing" if kind is None else f"unknown type {_short(kind)}"
        raise InputError(f"{line.place}: {wrong}. Known types: {', '.join(CASE_TYPES)}.")
    case: Case = _checked(line, CASE_TYPES[kind], f"a test of type {kind}")
    return case


def _checked(line: _Line, model: type[_Row], what: str) -> _Row:
    try:
        return model.model_validate(line.values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise InputError(f"{line.place}: {_sentences(problem, model, what)}") from error


def _sentences(problem: ErrorDetails, model: type[BaseModel], what: str) -> str:
    name = ".".join(str(step) for step in problem["loc"])
    known = f"Fields of {what}: {', '.join(model.model_fields)}."
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, model.model_fields, n=1)
        return f"unknown field {_short(name)}{f'. Did you mean {close[0]!r}?' if close else '.'} {known}"
    if problem["type"] == "missing":
        return f"the field {name!r} is missing. {known}"
    rest = problem["msg"].removeprefix("Value error, ").rstrip(".")
    where = f"{name!r} is {_short(problem['input'])}: " if name else ""
    return f"{where}{rest[:1].lower()}{rest[1:]}."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
