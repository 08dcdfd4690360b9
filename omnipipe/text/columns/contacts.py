"""Blocks of addresses, contact data and labelled values side by side: each is read whole, whatever the file's order."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.columns.sheet import Sheet

    Ints = NDArray[np.intp]

_MAX_PIECES = 48
_LEAST, _MOST = 3, 10
"""Lines of a block."""
_PAIR = 2
"""Lines of a block that all start with a label."""
_NARROW = 26.0
"""Font sizes; lines of such blocks are hardly ever wider."""
_EDGE = 0.5
"""Font sizes between the starts of the lines of a block at most."""
_FAR = 2.4
"""Font sizes between the baselines of a block at most."""
_SIZES = 1.3
"""The largest letters of a block, by its smallest ones."""
_LEVEL = 0.3
"""Font sizes between the baselines of a label and its value at most."""
_FEW = 2
"""Lines of one kind in a block; a column of a table has one in each row."""

_UPPER = r"[^\W\d_a-zß-öø-ÿ]"
_TOWN = re.compile(
    rf"(?:^|[ ,-])\d{{4,6}} +{_UPPER}[^\W\d_]"  # 80331 Munich
    r"|(?:^| )(?:\d{3} \d{2}|\d{2}-\d{3}|\d{4}-\d{3}|\d{4} [A-Z]{2}),?"  # 111 22 Lund
    rf" +{_UPPER}[^\W\d_]{{2}}"
    r"|[^\W\d_][.,]? +[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$"  # Bristol BS1 5TY
    r"|[^\W\d_]{2}[.,]?(?: +[A-Z]{2})? +\d{5,6}(?:-\d{4})?$"  # Fremont CA 94538
    r"|[^\W\d_],? +[A-Z]\d[A-Z] ?\d[A-Z]\d$"  # Toronto ON M5V 2T6
    r"|〒"
)
_STREET = re.compile(
    r"^\d{1,5} ?[a-zA-Z]?[ ,]"  # 27 Harbour Road
    r"|[^\W\d_][.,]? +\d{1,4} ?(?:[a-zA-Z]|[-/] ?\d{1,4}[a-zA-Z]?)?(?:,.{1,24})?$"  # Hauptstrasse 12 a
    r"|\b\d{1,4}, "
)
_CONTACT = re.compile(
    r"@[\w-]+\.\w|\bwww\.|https?://"
    r"|(?:\+|(?<![\w.,/-])0|\()\d[\d ()/.-]{6,}\d"  # +49 89 12345
    r"|\b[A-Z]{2}\d{2} ?(?:[A-Z\d]{4} ?){2,}|\b(?:[A-Z]{2}|ATU)\d{8,11}\b"  # DE12 3456 7890 1234, DE123456789
)
_REACHED = re.compile(
    r"\S@[\w-]+\.\w|\+\d{1,3}[\d ()/.-]{6,}\d"
    r"|\b(?:[Tt]el|TEL|[Ff]ax|FAX|[Pp]hone|PHONE|Telefon|Telefax|Mobile?)\b[.:]{0,2} ?[+(\d]"
    r"|\b[A-Z]{2}\d{2} ?(?:[A-Z\d]{4} ?){3,}|\b(?:BIC|SWIFT)(?:[ -]?[Cc]ode)?:? [A-Z]{6}[A-Z\d]{2}(?:[A-Z\d]{3})?\b"
)
_LABELLED = re.compile(r"^[^\W\d_][^:]{0,24}: +\S")


def is_reached_by(text: str) -> bool:
    """Whether `text` has a telephone number, an address for mail, or an account of a bank: no heading has."""
    return bool(_REACHED.search(text))


def are_blocks(sheet: Sheet, before: Ints, after: Ints) -> bool:
    """Whether all that stands `before` and `after` a gutter are blocks side by side: an address and its neighbours, or
    contact data."""
    if not sheet.text or len(before) + len(after) > _MAX_PIECES or min(len(before), len(after)) < _PAIR:
        return False
    # Most regions have lines that start where no other does.
    left = _parts(sheet, before)
    right = _parts(sheet, after) if left else []
    if not right:
        return False
    kinds: set[str] = set()
    for side in (left, right):
        while side:
            part = side.pop(0)
            kind = _kind(sheet, part)
            if kind == "other":
                if not side or not _are_pairs(sheet, part, side.pop(0)):
                    return False
                kind = "pairs"
            kinds.add(kind)
    return "address" in kinds or kinds == {"contact"}


def _parts(sheet: Sheet, side: Ints) -> list[Ints]:
    """The pieces of `side` that start at one place each, from left to right; none where a place has too few."""
    lefts, sizes = sheet.left[side].tolist(), sheet.size[side].tolist()
    order = sorted(range(len(lefts)), key=lefts.__getitem__)
    parts: list[list[int]] = [[order[0]]]
    for one, other in pairwise(order):
        if lefts[other] - lefts[one] <= _EDGE * sizes[other]:
            parts[-1].append(other)
        elif len(parts[-1]) < _PAIR:
            return []
        else:
            parts.append([other])
    return [side[part] for part in parts] if len(parts[-1]) >= _PAIR else []


def _kind(sheet: Sheet, part: Ints) -> str:
    part = part[sheet.base[part].argsort(kind="stable")]
    size = sheet.size[part]
    if not _PAIR <= len(part) <= _MOST or size.max() > _SIZES * size.min():
        return "other"
    step = np.diff(sheet.base[part])
    if step.min() < 0.5 * size[0] or step.max() > _FAR * size[0]:
        return "other"
    if (sheet.right[part] - sheet.left[part] > _NARROW * size).any():
        return "other"
    lines = _lines(sheet, part)
    if len(lines) < _LEAST:
        return "labelled" if all(map(_LABELLED.match, lines)) else "other"
    if is_address(lines):
        return "address"
    contacts = sum(bool(_CONTACT.search(line)) for line in lines)
    if 0 < contacts <= _FEW + 1 and _is_mixed(lines):
        return "contact"
    return "labelled" if 2 * sum(bool(_LABELLED.match(line)) for line in lines) > len(lines) else "other"


def is_address(lines: Sequence[str]) -> bool:
    """Whether `lines` have a town with its code, one or two, below a street and its number."""
    towns = [i for i, line in enumerate(lines) if _TOWN.search(line)]
    return 0 < len(towns) <= _FEW and any(_has_street(lines, i) for i in towns)


def is_contact(lines: Sequence[str]) -> bool:
    """Whether `lines` are an address, or half of them have a number to call, an account, or an address of the net."""
    return 2 * sum(bool(_CONTACT.search(line)) for line in lines) >= len(lines) or is_address(lines)


def _has_street(lines: Sequence[str], town: int) -> bool:
    """Whether a street and its number stand above the line of the town, or with it."""
    before = lines[town][: _TOWN.search(lines[town]).start()]  # type: ignore[union-attr]
    return bool(_STREET.search(before)) or any(_STREET.search(line) for line in lines[max(town - 2, 0) : town])


def _is_mixed(lines: Sequence[str]) -> bool:
    """Whether lines differ, as those of a column of a table do not: by their letters and digits in order."""
    shapes = {re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "1", line)) for line in lines}
    return len(shapes) > len(lines) / 2


def _are_pairs(sheet: Sheet, labels: Ints, values: Ints) -> bool:
    """Whether lines are labels and, each on the line of one, their values, most of them with digits."""
    if not (_LEAST <= len(labels) <= _MOST and len(values) <= len(labels)):
        return False
    off = np.abs(sheet.base[values][:, None] - sheet.base[labels]).min(axis=1)
    if len(values) < _LEAST or (off > _LEVEL * sheet.size[values]).any():
        return False
    names, texts = _lines(sheet, labels), _lines(sheet, values)
    digits = [sum(any(map(str.isdigit, line)) for line in lines) for lines in (names, texts)]
    return digits[0] == 0 and 2 * digits[1] >= len(texts)


def _lines(sheet: Sheet, part: Ints) -> list[str]:
    bounds = zip(sheet.first[part].tolist(), sheet.last[part].tolist(), strict=True)
    return [" ".join(sheet.text[first:last].split()) for first, last in bounds]
