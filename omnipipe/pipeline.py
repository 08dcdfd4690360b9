"""A pipeline: a name and a list of stages. Routing is their order: each takes only pages that are still open."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass

from omnipipe.config import result_settings, settings_hash
from omnipipe.stages.base import Stage


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in the order that pages pass them. Cheap to build, picklable; nothing is loaded before a worker opens it."""

    name: str
    stages: tuple[Stage, ...]

    @property
    def settings(self) -> list[dict[str, object]]:
        """The settings that decide results, a stage each, as plain JSON values."""
        return [
            {"stage": type(stage).__name__, **_own_code(type(stage)), **result_settings(stage)} for stage in self.stages
        ]

    @property
    def config_hash(self) -> str:
        """16 hex digits over all result settings: equal hashes promise equal rows."""
        return settings_hash(self.settings)


def _own_code(stage: type[Stage]) -> dict[str, object]:
    # A user's stage has no version number: its source text stands for it.
    if stage.__module__.startswith("omnipipe."):
        return {}
    try:
        source = inspect.getsource(stage)
    except (OSError, TypeError):
        source = stage.__qualname__
    return {"code": hashlib.sha256(source.encode()).hexdigest()[:16]}
