"""`open/`: the pages that a pass left to the next one, with all that is known of them but their pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from omnipipe.errors import OutputError
from omnipipe.ledger.files import write_over
from omnipipe.page import Block, Line, Page, PageError

_FIELDS = tuple(field.name for field in fields(Page) if field.name != "image")


def write_open(path: Path, folder: Path, pages: Sequence[Page]) -> None:
    """Write `pages` as `path`, whole or not at all; a page a line."""
    text = "".join(f"{json.dumps(_plain(page), separators=(',', ':'))}\n" for page in pages)
    write_over(path, folder, lambda made: _write(made, text))


def read_open(path: Path) -> Iterator[Page]:
    """The pages that `write_open` wrote.

    Raises:
        OutputError: The file is damaged or gone.
    """
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            yield _page(json.loads(line))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"{path} is damaged ({str(error)[:80]}). Start the run anew with --fresh, or into another directory."
        ) from error


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")


def _plain(page: Page) -> dict[str, object]:
    # Most of a page is not known yet; only what is takes room.
    return {name: value for name in _FIELDS if (value := getattr(page, name)) not in (None, ())}


def _page(plain: dict[str, object]) -> Page:
    made = dict(plain)
    made.setdefault("count", None)
    made["flags"] = tuple(_list(made.get("flags")))
    made["blocks"] = tuple(Block._make(_boxed(block)) for block in _list(made.get("blocks")))
    made["lines"] = tuple(Line._make(_boxed(line)) for line in _list(made.get("lines")))
    error = made.get("error")
    made["error"] = PageError(*error) if isinstance(error, list) else None
    return Page(**made)  # type: ignore[arg-type]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _boxed(values: object) -> list[object]:
    first, box, *rest = _list(values)
    return [first, tuple(box) if isinstance(box, list) else None, *rest]
