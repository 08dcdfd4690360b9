"""A pipeline: a name and a list of stages. Routing is their order: each takes only pages that are still open."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.config import result_settings, settings_hash
from omnipipe.stages.base import Stage, WaitingStage
from omnipipe.stages.deadline import find_limit
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render

if TYPE_CHECKING:
    from omnipipe.engines.base import EngineConfig


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in the order that pages pass them. Cheap to build and picklable: a worker loads what is heavy."""

    name: str
    stages: tuple[Stage, ...]

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The stages by the kind of worker that runs them; every page begins in the first pass.

        A stage that waits for an engine has a pass of its own, with the `Render` before it, so that pages of many
        documents keep the engine busy and engines are only there when there is work for them. It shares the first pass
        where that has nothing else to do than to draw every page.
        """
        stages = _suited(self.stages)
        starts = [0, *_pass_starts(stages)]
        made = []
        for start, stop in zip(starts, [*starts[1:], len(stages)], strict=True):
            own = stages[start:stop]
            afterwards = tuple(stage for stage in stages[stop:] if not (stage.makes_pixels or stage.needs_pixels))
            engine = next((stage.engine_config for stage in own if isinstance(stage, WaitingStage)), None)
            made.append(Pass(own, afterwards, engine))
        return tuple(made)

    @property
    def engines(self) -> tuple[EngineConfig, ...]:
        """The engines that its stages wait for, in the order of the stages."""
        return tuple(stage.engine_config for stage in self.stages if isinstance(stage, WaitingStage))

    @property
    def settings(self) -> list[dict[str, object]]:
        """The settings that decide results, a stage each, as plain JSON values."""
        return [
            {"stage": type(stage).__name__, **_own_code(type(stage)), **result_settings(stage)}
            for stage in _suited(self.stages)
        ]

    @property
    def config_hash(self) -> str:
        """16 hex digits over all result settings: equal hashes promise equal rows."""
        return settings_hash(self.settings)


class Pass(NamedTuple):
    """Neighbouring stages that run in one process.

    `afterwards` are those of later passes that pages see which are finished here; `engine` is None on CPU workers.
    """

    stages: tuple[Stage, ...]
    afterwards: tuple[Stage, ...]
    engine: EngineConfig | None

    @property
    def works_on_pixels(self) -> bool:
        """Whether its own worker draws and reads pages: some then take a thousand times as long as others."""
        return self.engine is None and any(stage.makes_pixels for stage in self.stages)


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
    if not stages:
        return Conflict(0, "a pipeline without stages reads nothing. Begin with read.")
    for index, stage in enumerate(stages):
        name = type(stage).__name__
        if isinstance(stage, Read) != (index == 0):
            what = "is first" if index == 0 else "comes again"
            return Conflict(index, f"stage {name} {what}. A pipeline begins with read, and has it once.")
        if (limit := find_limit(stage)) is not None and not _is_above_0(limit):
            return Conflict(index, f"stage {name} has deadline={limit!r}. Give seconds above 0, or None.")
        if stage.needs_pixels and not any(before.makes_pixels for before in stages[:index]):
            return Conflict(
                index, f"stage {name} looks at pixels, but no stage before it makes them. Put render before it."
            )
        if isinstance(stage, WaitingStage) and _own_render(stages, index) is None:
            return Conflict(
                index, f"stage {name} has no picture of its own: pages wait for it without one. Put render before it."
            )
    return None


def _is_above_0(limit: object) -> bool:
    return isinstance(limit, int | float) and not isinstance(limit, bool) and 0 < limit < math.inf


def _suited(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """`stages` with every `Render` drawing what the next stage that looks at its pictures likes."""
    suited: list[Stage] = []
    for index, stage in enumerate(stages):
        if isinstance(stage, Render):
            reader = next((later for later in stages[index + 1 :] if later.needs_pixels or later.makes_pixels), None)
            stage = stage.suited(reader.picture if reader is not None else None)
        suited.append(stage)
    return tuple(suited)


def _pass_starts(stages: Sequence[Stage]) -> list[int]:
    starts = []
    for index, stage in enumerate(stages):
        if not isinstance(stage, WaitingStage):
            continue
        start = _own_render(stages, index)
        if start is None:
            continue
        first = stages[0]
        only_draws = start == 1 and isinstance(first, Read) and not first.text_layer
        if not only_draws:
            starts.append(start)
    return starts


def _own_render(stages: Sequence[Stage], position: int) -> int | None:
    """Where the picture of the stage at `position` is made, if no other stage looks at it before."""
    for index in range(position - 1, -1, -1):
        if stages[index].makes_pixels:
            return index
        if stages[index].needs_pixels:
            return None
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
