"""Engines that write down when they work: one that only waits, and real ones, for the benchmarks of what is around."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from omnipipe.config import operation
from omnipipe.engines.echo import EchoConfig, EchoEngine
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.engines.vllm_engine import VLLMEngine
from omnipipe.model import Completion, Request
from omnipipe.tasks.text_extraction.qwen import QwenText


class SimulatedConfig(EchoConfig):
    """Answers after `seconds`, `slots` at once; `log` gets a line with start and end (Unix seconds) of each answer."""

    engine: ClassVar[str] = "simulated"
    family = QwenText()

    reply: str | None = Field("read", description="The answer.")
    log: str = operation("")

    @property
    def num_cpus(self) -> float:
        return 0.0

    def build(self) -> EchoEngine:
        return SimulatedEngine(self)


class SimulatedEngine(EchoEngine):
    """See `SimulatedConfig`."""

    config: SimulatedConfig

    async def _generate(self, request: Request) -> Completion:
        async with self._slots:
            started = time.time()
            await asyncio.sleep(self.config.seconds)
            append(self.config.log, f"{started:.3f} {time.time():.3f} {request.id}")
        return Completion(text=self.config.reply or "", finish_reason="stop")


class LoggedVLLMConfig(VLLMConfig):
    """vLLM; `log` gets a line for each request that is answered."""

    family = QwenText()
    log: str = operation("")

    def build(self) -> VLLMEngine:
        return LoggedVLLMEngine(self)


class LoggedVLLMEngine(VLLMEngine):
    """See `LoggedVLLMConfig`."""

    config: LoggedVLLMConfig

    async def _generate(self, request: Request) -> Completion:
        started = time.time()
        completion = await super()._generate(request)
        append(self.config.log, f"{started:.3f} {time.time():.3f} {request.id}")
        return completion


def append(log: str, line: str) -> None:
    """One line at the end of the file, in one write."""
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(opened, f"{line}\n".encode())
    finally:
        os.close(opened)


def read_log(log: Path) -> list[tuple[float, float, str]]:
    """Start, end (Unix seconds) and page of each answer."""
    if not log.exists():
        return []
    lines = (line.split() for line in log.read_text().splitlines())
    return [(float(start), float(end), page) for start, end, page in lines]
