"""Engines online: those that the pipeline's pages ask, for chat clients and batch runs too; live requests go first."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from omnipipe.engines.base import EngineConfig
from omnipipe.model import Completion, Request
from omnipipe.pipeline import Pipeline

LIVE = 0
BATCH = -10
"""Priorities of `Request`: a higher one goes first. Those below `LIVE` never take an engine's last places."""


class ServedModel(NamedTuple):
    """An engine that answers: `name` is what clients write as `model`.

    It is the engine's `config.model`; of a checkpoint in a folder the folder's name only.
    """

    name: str
    config: EngineConfig
    pipeline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLoad:
    """What an engine does, and what it did since it was opened; of several replicas, their sum.

    `running` requests are inside the engine, which lets `places` in; `waiting` are those before it, by priority.
    `seconds` is the time that answers took inside the engine, one after the other.
    """

    state: Literal["loading", "ready", "dead"] = "loading"
    places: int = 0
    running: int = 0
    waiting: Mapping[int, int] = field(default_factory=dict)
    answered: int = 0
    failed: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class EngineService(Protocol):
    """Where engines are: this process, or deployments of Ray Serve."""

    @property
    def models(self) -> Sequence[ServedModel]:
        """All engines of the pipeline that is served, in the order of its stages; empty where it asks no model."""
        ...

    async def generate(self, model: ServedModel, request: Request) -> Completion:
        """See `Engine.generate`. Cancelling the call frees its place.

        Raises:
            ProblemError: This request cannot be answered.
            EngineDeadError: The engine cannot answer at the moment; another one may take its place.
            BusyError: It has no room at the moment.
        """
        ...

    def stream(self, model: ServedModel, request: Request) -> AsyncIterator[str | Completion]:
        """See `Engine.stream_completion`: pieces of text, and the completion as the last thing. Raises as `generate`.

        From an engine that cannot stream, all of the text comes in one piece.
        """
        ...

    async def health(self, model: ServedModel) -> None:
        """See `Engine.health`; an engine that is still loading is well."""
        ...

    async def load(self, model: ServedModel) -> EngineLoad:
        """What the engine does."""
        ...


def served_models(pipeline: Pipeline) -> tuple[ServedModel, ...]:
    """The engines of `pipeline`, each once, under names that tell them apart and show no path."""
    configs: list[EngineConfig] = []
    for config in pipeline.engines:
        if config not in configs:
            configs.append(config)
    names = [_name(config) for config in configs]
    counted = Counter(names)
    models: list[ServedModel] = []
    taken: set[str] = set()
    for name, config in zip(names, configs, strict=True):
        own = name if counted[name] == 1 else f"{name}:{config.engine}"
        number = 2
        while own in taken:
            own, number = f"{name}:{config.engine}-{number}", number + 1
        taken.add(own)
        models.append(ServedModel(own, config, pipeline.name))
    return tuple(models)


def _name(config: EngineConfig) -> str:
    folder = Path(config.model)
    is_path = folder.is_absolute() or config.model.startswith((".", "~")) or folder.exists()
    return folder.name or "model" if is_path else config.model
