"""An engine that writes down what it is asked, and fails or dies where a test wants it to. No model."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from omnipipe.config import operation
from omnipipe.engines.base import Capabilities, Engine, EngineConfig
from omnipipe.errors import EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Request
from omnipipe.page import ProblemError
from omnipipe.tasks.text_extraction.qwen import QwenText


class FaultyConfig(EngineConfig):
    """Answers with the id of the page. `log` is a file that gets a line for each request that is answered."""

    engine: ClassVar[str] = "faulty"
    label: ClassVar[str] = "Faulty"
    capabilities: ClassVar[Capabilities] = Capabilities(cpu=True, continuous_batching=True)
    supports: ClassVar[frozenset[str]] = frozenset(GenerationParams.model_fields)
    family = QwenText()

    model: str = "faulty"
    log: str | None = operation(None)
    seconds: float = operation(0.0)
    load_seconds: float = operation(0.0)
    slots: int = operation(16)
    deadly: tuple[int, ...] = Field((), description="Pages (from 0) that the engine does not survive.")
    endless: tuple[int, ...] = Field((), description="Pages whose answer is cut off, at any temperature.")
    endless_at_zero: tuple[int, ...] = Field((), description="Pages whose answer is cut off at temperature 0.")
    refused: tuple[int, ...] = Field((), description="Pages that do not fit into the context.")

    @property
    def num_running(self) -> int:
        return self.slots

    def build(self) -> FaultyEngine:
        return FaultyEngine(self)


class FaultyEngine(Engine):
    """See `FaultyConfig`."""

    config: FaultyConfig

    def __init__(self, config: FaultyConfig) -> None:
        super().__init__(config)
        self._slots = asyncio.Semaphore(config.slots)
        self._is_dead = False

    async def open(self) -> None:
        await asyncio.sleep(self.config.load_seconds)

    async def _generate(self, request: Request) -> Completion:
        config, index = self.config, int(request.id.rpartition("#")[2])
        async with self._slots:
            await asyncio.sleep(config.seconds)
        self._is_dead = self._is_dead or index in config.deadly
        if self._is_dead:
            raise EngineDeadError("the faulty engine is dead")
        if index in config.refused:
            raise ProblemError("context_overflow", "the page does not fit")
        cut = index in config.endless or (index in config.endless_at_zero and request.params.is_greedy)
        if config.log is not None:
            _append(Path(config.log), f"{request.id} {request.params.temperature:g}")
        return Completion(
            text=f"read {request.id}", finish_reason="length" if cut else "stop", prompt_tokens=7, completion_tokens=2
        )

    async def close(self) -> None:
        self._is_dead = True


def _append(path: Path, line: str) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(opened, f"{line}\n".encode())
    finally:
        os.close(opened)
