"""JSON as models write it: cut off, with bare backslashes of LaTeX, with words around it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json import JSONDecoder

_DECODER = JSONDecoder(strict=False)
_BARE_BACKSLASH = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
# What escapes make of \frac, \beta, \times and \rho when a model did not double the backslash.
_EATEN = re.compile(r"[\b\f]|\t(?=imes|ext|au|heta|ilde)|\r(?=ho|ight|m\{)")
_LETTERS = {"\b": r"\b", "\f": r"\f", "\t": r"\t", "\r": r"\r"}
_NEXT = re.compile(r'\}\s*,?\s*\{\s*"')
_KEY = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_ENDINGS = ('"}', "}", "]}", ' ""}')

Entry = Mapping[str, object]


def entries_of(text: str) -> tuple[list[Entry], bool]:
    """The objects of the JSON list (or the one object) in `text`, and whether all of it was understood.

    Of what is broken, whole objects are taken one by one; the last, cut off, is closed where it ends.
    """
    whole = _whole(text)
    if whole is not None:
        return whole, True
    found: list[Entry] = []
    at = text.find("{")
    while at >= 0:
        entry, end = _object_at(text, at)
        found.append(entry)
        at = text.find("{", max(end, at + 1))
    return found, False


def text_in(entry: Entry, key: str) -> str:
    """The string under `key`, with the backslashes of LaTeX that JSON took for escapes; "" where there is none."""
    value = entry.get(key)
    return _EATEN.sub(lambda found: _LETTERS[found[0]], value) if isinstance(value, str) else ""


def numbers_in(entry: Entry, key: str) -> list[float]:
    """The numbers of the list under `key`; [] where it is none or has anything else."""
    value = entry.get(key)
    if not isinstance(value, list) or not all(isinstance(number, int | float) for number in value):
        return []
    return [float(number) for number in value if abs(number) < 1e9]


def _whole(text: str) -> list[Entry] | None:
    try:
        value = json.loads(_repaired(text), strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        inner = next((entry for entry in value.values() if _is_entries(entry)), None)
        value = inner if inner is not None and len(value) == 1 else [value]
    return value if _is_entries(value) else None


def _is_entries(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _object_at(text: str, start: int) -> tuple[Entry, int]:
    # Up to where the next object begins, so that what is broken in one does not reach the others.
    following = _NEXT.search(text, start)
    end = following.start() + 1 if following else len(text)
    piece = _repaired(text[start:end])
    for ending in ("", *_ENDINGS):
        try:
            value, _ = _DECODER.raw_decode(piece + ending)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value, end
    return _by_keys(text[start:end]), end


def _by_keys(piece: str) -> Entry:
    """What stands behind each key of a broken object, up to the next key."""
    keys = list(_KEY.finditer(piece))
    ends = [*(key.start() for key in keys), len(piece)][1:]
    return {key[1]: _value(piece[key.end() : end]) for key, end in zip(keys, ends, strict=True)}


def _value(raw: str) -> object:
    bare = raw.strip().removesuffix(",")
    try:
        return json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        return bare.rstrip("}] \n").removeprefix('"').removesuffix('"')


def _repaired(text: str) -> str:
    return _BARE_BACKSLASH.sub(r"\\\\", text) if "\\" in text else text
