"""Whether pages that a user's own stage gave back can be rows: a wrong value costs its page, not the run."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real

from omnipipe.errors import ERROR_CODES
from omnipipe.page import STATUSES, Block, Line, Page, PageError, Pixels

_FIXED = ("uri", "count", "num_pages")
"""What a page is, beside its id: no stage changes that."""

_SHORT = frozenset({"rotation_applied", "attempts"})
_NAMES = tuple(Page.__slots__)
_BLOCK = dict(
    zip(
        Block._fields,
        ("str", "box | None", "int", "level | None", "str", "str | None", "float | None", "str | None"),
        strict=True,
    )
)
_LINE = dict(zip(Line._fields, ("str", "box", "float | None"), strict=True))
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "short": "a whole number",
    "level": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "box": "a box (x0, y0, x1, y1)",
}


def find_fault(before: Page, after: Page) -> str | None:
    """What of `after` cannot be written, None if all can; only what differs from `before` is looked at.

    `after` has the id of `before`.
    """
    if after is before:
        return None
    for name in _NAMES:
        value = getattr(after, name)
        if value is getattr(before, name):
            continue
        fault = _CHECKS[name](name, value)
        if fault is None and name in _FIXED and value != getattr(before, name):
            fault = f"changed {name} to {_shown(value)}; a stage leaves it as it is"
        if fault is not None:
            return fault
    if after.status == "failed" and after.error is None:
        return "left a page failed without an error; page.failed(code, message) gives both"
    return None


def _shown(value: object) -> str:
    return f"{value!r:.60}"


def _plain(kind: str) -> Callable[[str, object], str | None]:
    is_of = _is_of(kind)
    base, *rest = kind.split(" | ")
    wanted = f"{_WORDS[base]} or None" if rest else _WORDS[base]

    def check(name: str, value: object) -> str | None:
        return None if is_of(value) else f"set {name} to {_shown(value)}, which is not {wanted}"

    return check


def _is_of(kind: str) -> Callable[[object], bool]:
    base, *rest = kind.split(" | ")
    may_be_none = bool(rest)
    is_base = _BASES[base]
    return (lambda value: value is None or is_base(value)) if may_be_none else is_base


def _is_within(bits: int) -> Callable[[object], bool]:
    most = 1 << bits - 1

    def is_within(value: object) -> bool:
        if type(value) is not int and (isinstance(value, bool) or not isinstance(value, Integral)):
            return False
        return -most <= int(value) < most

    return is_within


def _is_number(value: object) -> bool:
    # Asking an abstract class takes five times as long, and a page has hundreds of numbers.
    return type(value) is float or (isinstance(value, Real) and not isinstance(value, bool))


def _is_box(value: object) -> bool:
    if not isinstance(value, tuple | list) or len(value) != 4:
        return False
    return set(map(type, value)) == {float} or all(map(_is_number, value))


_BASES: dict[str, Callable[[object], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": _is_within(32),
    "short": _is_within(16),
    "level": _is_within(8),
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "box": _is_box,
}


def _status(name: str, value: object) -> str | None:
    if value == "open" or value in STATUSES:
        return None
    return f"set {name} to {_shown(value)}; it is one of open, {', '.join(STATUSES)}"


def _error(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, PageError) or not isinstance(value.message, str):
        return f"set {name} to {_shown(value)}, which is not a PageError or None"
    known = ", ".join(sorted(ERROR_CODES))
    return None if value.code in ERROR_CODES else f"set the unknown error code {_shown(value.code)}. Known: {known}"


def _image(name: str, value: object) -> str | None:
    return None if value is None or isinstance(value, Pixels) else f"set {name} to {_shown(value)}, which is not Pixels"


def _flags(name: str, value: object) -> str | None:
    if isinstance(value, list | tuple) and all(isinstance(flag, str) for flag in value):
        return None
    return f"set {name} to {_shown(value)}, which is not a tuple of texts"


def _records(kind: type[Block | Line], fields: dict[str, str]) -> Callable[[str, object], str | None]:
    checks = [(name, _plain(field), _is_of(field)) for name, field in fields.items()]

    def check(name: str, value: object) -> str | None:
        if not isinstance(value, list | tuple):
            return f"set {name} to {_shown(value)}, which is not a tuple of {kind.__name__}"
        for place, record in enumerate(value):
            if not isinstance(record, kind):
                return f"set {name}[{place}] to {_shown(record)}, which is not a {kind.__name__}"
            for (field, said, is_right), part in zip(checks, record, strict=True):
                if not is_right(part):
                    return said(f"{name}[{place}].{field}", part)
        return None

    return check


def _check_of(name: str, annotation: str) -> Callable[[str, object], str | None]:
    kind = annotation.replace("int", "short") if name in _SHORT else annotation
    return _plain("str" if name == "route" else kind)


_CHECKS: dict[str, Callable[[str, object], str | None]] = {
    "status": _status,
    "error": _error,
    "image": _image,
    "flags": _flags,
    "blocks": _records(Block, _BLOCK),
    "lines": _records(Line, _LINE),
}
_CHECKS |= {name: _check_of(name, Page.__annotations__[name]) for name in _NAMES if name not in _CHECKS}
