"""Engines online: those that the pipeline's pages ask, for chat clients and batch runs too; live requests go first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from omnipipe.engines.base import EngineConfig
from omnipipe.model import Completion, Request

LIVE = 0
BATCH = -10
"""Priorities of `Request`: a higher one goes first."""


class ServedModel(NamedTuple):
    """An engine that answers: `name` is what clients write as `model` (the engine's `config.model`)."""

    name: str
    config: EngineConfig
    pipeline: str


class EngineService(Protocol):
    """Where engines are: this process, or deployments of Ray Serve."""

    @property
    def models(self) -> Sequence[ServedModel]:
        """All engines of the pipeline that is served, in the order of its stages; empty where it asks no model."""
        ...

    async def generate(self, model: ServedModel, request: Request) -> Completion:
        """See `Engine.generate`."""
        ...

    def stream(self, model: ServedModel, request: Request) -> AsyncIterator[str]:
        """See `Engine.stream`."""
        ...

    async def health(self, model: ServedModel) -> None:
        """See `Engine.health`."""
        ...
