"""The base of every setting that a user writes, and what of it decides a page's row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_OPERATION = "omnipipe_operation"


class Config(BaseModel):
    """Frozen settings; unknown keys are refused.

    Every field is a *result* setting (it decides what a page's row says and enters the config hash) unless it is
    declared with `operation(...)` (how the work is done: concurrency, devices, time limits, keys).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def identity(self) -> Mapping[str, object]:
        """What decides results beside the fields, or in place of them: plain JSON values by name."""
        return {}


def operation(default: Any = ..., **field: Any) -> Any:
    """A field that changes how the work is done and never what comes out; it stays out of the config hash.

    Takes what `pydantic.Field` takes.
    """
    return Field(default, json_schema_extra={_OPERATION: True}, **field)


def result_settings(config: Config) -> dict[str, object]:
    """The result settings of `config` as plain JSON values, nested configs included."""
    plain: dict[str, object] = {}
    for name, field in type(config).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, Mapping) and extra.get(_OPERATION):
            continue
        value = getattr(config, name)
        plain[name] = _plain(value)
    return {**plain, **config.identity()}


def _plain(value: object) -> object:
    if isinstance(value, Config):
        return result_settings(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(entry)) for entry in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def settings_hash(settings: object) -> str:
    """16 hex digits of the SHA-256 of `settings` as canonical JSON."""
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
