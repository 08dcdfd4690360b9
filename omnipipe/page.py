"""The record that flows: one immutable `Page` a page, whatever happens to it.

Boxes are `(x0, y0, x1, y1)` as shares (0 to 1) of the upright page, origin at the top left. Unknown is None, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Literal, NamedTuple, Self

from omnipipe.errors import ERROR_CODES, OmnipipeError

Box = tuple[float, float, float, float]
Status = Literal["open", "ok", "fallback", "blank", "skipped", "failed"]
Route = Literal["text_layer", "ocr", "vlm", "none"]

STATUSES: tuple[Status, ...] = ("ok", "fallback", "blank", "skipped", "failed")
"""The statuses that a finished page can have; `open` is a page that some stage still has to answer."""


class Block(NamedTuple):
    """A part of a page in reading order: `type` is text, title, list, table, figure, caption, header, footer, ...

    `level` is the heading level (1 to 6) of a title, `confidence` is 0 to 1, `source` names who found it
    (text_layer, an OCR engine, a layout model).
    """

    type: str
    bbox: Box | None
    order: int
    level: int | None
    text: str
    html: str | None = None
    confidence: float | None = None
    source: str | None = None


class Line(NamedTuple):
    """A line of text with its box; `confidence` (0 to 1) only where an OCR engine gave one."""

    text: str
    bbox: Box
    confidence: float | None = None


_UNSAID = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class PageError(NamedTuple):
    """Why a page has no text: a stable `code` of `ERROR_CODES`, and a message for people."""

    code: str
    message: str

    @classmethod
    def of(cls, code: str, message: str) -> PageError:
        """An error with a checked code; messages are one line of at most 500 characters, valid Unicode.

        Of a longer one the middle goes: names come first, and may be longer than that, and the reason last.
        What no terminal and no Parquet file takes of a file's name is escaped: `\\xff`, `\\n`.
        """
        if code not in ERROR_CODES:
            raise ValueError(f"unknown error code {code!r}. Known codes: {', '.join(sorted(ERROR_CODES))}")
        line = printable(message)
        return cls(code, line if len(line) <= 500 else f"{line[:250]}...{line[-247:]}")


def printable(text: str) -> str:
    """`text` on one line, without what moves a terminal's cursor, and as valid Unicode."""
    return _UNSAID.sub(_escaped, text)


def _escaped(letter: re.Match[str]) -> str:
    # A lone surrogate stands for a byte of a name that is no UTF-8.
    code = ord(letter[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else ascii(letter[0])[1:-1]


class ProblemError(OmnipipeError):
    """A document or page cannot be read; carries the `PageError` that its row will say."""

    def __init__(self, code: str, message: str) -> None:
        self.error = PageError.of(code, message)
        super().__init__(f"{code}: {self.error.message}")

    def __reduce__(self) -> tuple[type[ProblemError], tuple[str, str]]:
        return type(self), (self.error.code, self.error.message)


@dataclass(frozen=True, slots=True)
class Pixels:
    """A page's picture while it is needed; never written.

    `format` is raw (rows of `mode` pixels, no padding), png or jpeg; `mode` is L or RGB; sizes in pixels.
    """

    data: bytes
    format: Literal["raw", "png", "jpeg"]
    mode: Literal["L", "RGB"]
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of one document: where it comes from, what is known of it, how it ended.

    `doc_id` is the SHA-256 of the document's bytes (of `uri:` and the uri where the bytes cannot be had), `index`
    counts from 0, `count` is None where the document cannot be opened. `num_pages` is 1, but for the one skipped
    row that stands for a range of pages.
    """

    doc_id: str
    uri: str
    index: int
    count: int | None
    num_pages: int = 1

    status: Status = "open"
    route: Route = "none"
    route_reason: str | None = None
    text: str | None = None
    text_format: str | None = None
    blocks: tuple[Block, ...] = ()
    lines: tuple[Line, ...] = ()
    flags: tuple[str, ...] = ()

    width_pt: float | None = None
    height_pt: float | None = None
    rotation_applied: int | None = None
    image_width: int | None = None
    image_height: int | None = None

    ink_ratio: float | None = None
    has_text_layer: bool | None = None
    text_layer_quality: float | None = None
    language: str | None = None
    quality: float | None = None
    agreement: float | None = None

    engine: str | None = None
    model: str | None = None
    model_revision: str | None = None
    attempts: int | None = None
    temperature: float | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    read_ms: float | None = None
    render_ms: float | None = None
    queue_ms: float | None = None
    infer_ms: float | None = None
    energy_j: float | None = None
    cost_usd: float | None = None

    error: PageError | None = None
    image: Pixels | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """`{doc_id}#{index}`: unique in a run."""
        return f"{self.doc_id}#{self.index}"

    @property
    def is_open(self) -> bool:
        """Whether some stage still has to give this page its text or its end."""
        return self.status == "open"

    def with_(self, **changes: object) -> Self:
        """A changed copy."""
        if type(self) is not Page:
            return replace(self, **changes)  # type: ignore[arg-type]
        # `replace` takes three times as long, and each page is copied once a stage.
        made = object.__new__(Page)
        for put, value in zip(_PUT.values(), _VALUES(self), strict=True):
            put(made, value)
        for name, value in changes.items():
            if name not in _PUT:
                raise TypeError(f"a page has no {name!r}")
            _PUT[name](made, value)
        return made  # type: ignore[return-value]

    def failed(self, code: str, message: str) -> Self:
        """This page ended as an error row; what was known of it stays."""
        return self.with_(status="failed", error=PageError.of(code, message), image=None, text=None)

    def in_unicode(self) -> Self:
        """This page with a sign of replacement where a text has half a character.

        Lone surrogates come out of broken fonts and file names; UTF-8, and so Parquet, has no room for them.
        """
        return self.with_(**{name: _clean(getattr(self, name)) for name in Page.__slots__})


_VALUES = attrgetter(*Page.__slots__)
# Descriptors set the fields of a frozen record that nobody has seen yet.
_PUT: dict[str, Callable[[Page, object], None]] = {name: getattr(Page, name).__set__ for name in Page.__slots__}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Block | Line | PageError):
        return type(value)._make(map(_clean, value))
    if isinstance(value, tuple):
        return tuple(map(_clean, value))
    return value
