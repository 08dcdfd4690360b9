"""What is served, where and how wide; loads nothing of Ray."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from omnipipe.engines.base import EngineConfig
from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits
from omnipipe.stages.base import WaitingStage

# What a document worker reads between two asks for more, about; and the most that one process has in work.
_PIECE_PAGES = 16
_MOST_PIECES = 8

# One piece in work, and one that is there when it ends: a piece is a few pages, a call 10 ms.
_PIECES_WITHOUT_ENGINE = 2


class Width(NamedTuple):
    """The least and the largest number of replicas, and the CPU slots of each."""

    least: int
    most: int
    num_cpus: float = 1.0


@dataclass(frozen=True, slots=True)
class _Pinned(Pipeline):
    """A pipeline whose hash was taken before: on another machine the source of a user's stage cannot be had."""

    taken_hash: str

    @property
    def config_hash(self) -> str:
        """See `Pipeline.config_hash`."""
        return self.taken_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """A pipeline to serve, and how wide.

    `name` is the application's. `replicas` and `engines` are the least and the largest number of document workers and
    of replicas of each engine, None for what the machine allows; `ingresses` is the number of replicas that answer
    HTTP. `address` is HOST:PORT of a running Ray cluster, None for one of this machine's own.
    """

    pipeline: Pipeline
    settings: ServeSettings
    name: str = ""
    address: str | None = None
    replicas: tuple[int, int] | None = None
    engines: tuple[int, int] | None = None
    ingresses: int = 1
    limits: ReaderLimits = field(default_factory=ReaderLimits)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"omnipipe-{self.pipeline.name}")

    @property
    def engine_configs(self) -> tuple[EngineConfig, ...]:
        """Each engine once, in the order of the stages that ask it."""
        known: list[EngineConfig] = []
        for config in self.pipeline.engines:
            if config not in known:
                known.append(config)
        return tuple(known)

    def pieces_at_once(self, num_replicas: int) -> int:
        """Pieces that a document worker has in work: more of them where pages wait for an engine that takes many."""
        running = max((config.num_running for config in self.engine_configs), default=0)
        if not running:
            return _PIECES_WITHOUT_ENGINE
        return max(2, min(_MOST_PIECES, math.ceil(2 * running / (_PIECE_PAGES * num_replicas))))

    def for_workers(self, num_engines: Sequence[int]) -> ServePlan:
        """This plan with what its engines need on other machines: secrets, and each its share of any limits.

        `num_engines` is the largest number of replicas of each of `engine_configs`.
        """
        known = self.engine_configs
        stages = []
        for stage in self.pipeline.stages:
            if isinstance(stage, WaitingStage):
                number = num_engines[known.index(stage.engine_config)]
                stage = stage.with_engine(stage.engine_config.with_key().shared_by(number))
            stages.append(stage)
        pinned = _Pinned(self.pipeline.name, tuple(stages), self.pipeline.config_hash)
        return replace(self, pipeline=pinned)
