"""An engine without a model: it answers from the request alone. For tests, plugins and benchmarks of the rest."""

from __future__ import annotations

import asyncio
import hashlib
from typing import ClassVar

from pydantic import Field

from omnipipe.config import operation
from omnipipe.engines.base import Capabilities, Engine, EngineConfig
from omnipipe.errors import EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Request, TextPart


class EchoConfig(EngineConfig):
    """Answers `reply`, or the words of the request and a fingerprint of its pictures, `slots` requests at once."""

    engine: ClassVar[str] = "echo"
    label: ClassVar[str] = "Echo"
    capabilities: ClassVar[Capabilities] = Capabilities(cpu=True, continuous_batching=True)
    supports: ClassVar[frozenset[str]] = frozenset(GenerationParams.model_fields)

    model: str = "echo"
    reply: str | None = Field(None, description="The answer; by default it says what was asked.")
    seconds: float = operation(0.0, ge=0, description="Seconds that an answer takes.")
    slots: int = operation(64, ge=1, description="Answers that are worked on at once.")

    @property
    def num_running(self) -> int:
        return self.slots

    def build(self) -> EchoEngine:
        return EchoEngine(self)


class EchoEngine(Engine):
    """Waits, and answers."""

    config: EchoConfig

    def __init__(self, config: EchoConfig) -> None:
        super().__init__(config)
        self._slots = asyncio.Semaphore(config.slots)
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def _generate(self, request: Request) -> Completion:
        if not self._is_open:
            raise EngineDeadError("the echo engine is closed")
        async with self._slots:
            if self.config.seconds:
                await asyncio.sleep(self.config.seconds)
        text = self.config.reply if self.config.reply is not None else _words(request)
        words = text.split(" ")
        cut = " ".join(words[: request.params.max_tokens])
        return Completion(
            text=cut,
            finish_reason="stop" if len(words) <= request.params.max_tokens else "length",
            prompt_tokens=sum(len(said.split()) for said in _said(request)),
            completion_tokens=min(len(words), request.params.max_tokens),
            model=self.config.model,
        )

    async def close(self) -> None:
        self._is_open = False


def _said(request: Request) -> list[str]:
    return [part.text for message in request.messages for part in message.parts if isinstance(part, TextPart)]


def _words(request: Request) -> str:
    seen = [hashlib.sha256(pixels.data).hexdigest()[:8] for pixels in request.images]
    return " ".join([*_said(request), *seen])
