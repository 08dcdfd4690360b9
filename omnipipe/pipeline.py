"""A pipeline: a name and a list of stages. Routing is their order: each takes only pages that are still open."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from omnipipe.config import result_settings, settings_hash
from omnipipe.stages.base import Stage


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in the order that pages pass them. Cheap to build and picklable: a worker loads what is heavy."""

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


def load_pipeline(name_or_path: str | Path) -> Pipeline:
    """The pipeline that a `.yaml` or `.py` file describes, or the shipped one of that name (`default`).

    A Python file has a variable `pipeline`; it is run, so load only files that you trust.

    Raises:
        ConfigError: There is no such pipeline, or something in it is wrong; the message has the place in the file.
    """
    from omnipipe import pipeline_file

    return pipeline_file.load(name_or_path)


class Conflict(NamedTuple):
    """A stage that cannot work where it stands: its index from 0, and a sentence on what would be right."""

    position: int
    message: str


def find_conflict(stages: Sequence[Stage]) -> Conflict | None:
    """The first stage that cannot work in this order, None where all can."""
    from omnipipe.stages.read import Read

    if not stages:
        return Conflict(0, "a pipeline without stages reads nothing. Begin with read.")
    for index, stage in enumerate(stages):
        name = type(stage).__name__
        if isinstance(stage, Read) != (index == 0):
            what = "is first" if index == 0 else "comes again"
            return Conflict(index, f"stage {name} {what}. A pipeline begins with read, and has it once.")
        if stage.needs_pixels and not any(before.makes_pixels for before in stages[:index]):
            return Conflict(
                index, f"stage {name} looks at pixels, but no stage before it makes them. Put render before it."
            )
    return None


def _own_code(stage: type[Stage]) -> dict[str, object]:
    # A user's stage has no version number: its source text stands for it.
    if stage.__module__.startswith("omnipipe."):
        return {}
    try:
        source = inspect.getsource(stage)
    except (OSError, TypeError):
        source = stage.__qualname__
    return {"code": hashlib.sha256(source.encode()).hexdigest()[:16]}
