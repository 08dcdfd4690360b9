"""A backend of one's own, the whole of it: its settings, its engine, and a config for a family of models."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator

from pydantic import Field

from omnipipe.engines.base import Capabilities, Engine, EngineConfig, Readiness
from omnipipe.errors import MissingExtraError
from omnipipe.model import Completion, Request, TextPart
from omnipipe.page import ProblemError
from omnipipe.tasks.text_extraction.qwen.family import QwenText

INSTALL = "pip install mynew_backend_lib"


class MyNewBackendConfig(EngineConfig):
    """Compares a page's letters with those of a specimen."""

    engine, label = "mynew", "MyNewBackend"
    capabilities = Capabilities(cpu=True, streaming=True)
    supports = frozenset({"min_tokens", "stop"})

    param1: str = Field("value", description="What a letter becomes that the specimen lacks.")
    param2: int = Field(10, ge=1, description="Thousands of letters of a prompt at most.")

    @classmethod
    def probe(cls) -> Readiness:
        if importlib.util.find_spec("mynew_backend_lib") is None:
            return Readiness("missing extra", "mynew_backend_lib is not installed", INSTALL)
        return Readiness("ready", "on the CPU")

    def check(self) -> None:
        if self.probe().state != "ready":
            raise MissingExtraError("MyNewBackend", "mynew_backend_lib", INSTALL)

    def build(self) -> Engine:
        return MyNewBackendEngine(self)


class MyNewBackendEngine(Engine):
    async def open(self) -> None:
        self.config.check()
        import mynew_backend_lib

        self._reader = await asyncio.to_thread(mynew_backend_lib.Reader, self.config.model, self.config.param1)

    async def stream(self, request: Request) -> AsyncIterator[str]:
        prompt = sum(len(part.text) for said in request.messages for part in said.parts if isinstance(part, TextPart))
        if prompt > self.config.param2 * 1000:
            raise ProblemError("context_overflow", f"the prompt has {prompt} letters. Raise param2.")
        try:
            for letter in self._reader.read(request.images[0].data, min_letters=request.params.min_tokens):
                yield letter
                await asyncio.sleep(0.0001)
        except OSError as error:
            raise ProblemError("corrupt", f"the picture cannot be decoded: {error}") from error

    async def _generate(self, request: Request) -> Completion:
        text = ""
        async for letter in self.stream(request):
            if len(text) == request.params.max_tokens:
                return Completion(text=text, finish_reason="length", completion_tokens=len(text))
            text += letter
            if ending := next((stop for stop in request.params.stop if text.endswith(stop)), None):
                return Completion(text=text.removesuffix(ending), finish_reason="stop")
        return Completion(text=text, finish_reason="stop", completion_tokens=len(text))

    async def close(self) -> None:
        self._reader = None


class QwenTextMyNewBackendConfig(MyNewBackendConfig):
    """MyNewBackend backend configuration for Qwen text extraction."""

    family = QwenText()
