"""vLLM's asynchronous engine as one of ours."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from omnipipe.engines.base import Engine
from omnipipe.engines.vllm_check import installed_build, missing
from omnipipe.engines.vllm_params import to_sampling
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.model import Completion, FinishReason, Request
from omnipipe.page import ProblemError

if TYPE_CHECKING:
    from omnipipe.engines.vllm import VLLMConfig
    from omnipipe.engines.vllm_load import LoadedEngine
    from omnipipe.engines.vllm_prompt import InputMaker, PromptRenderer

_DECODE_THREADS = 4
_LIGHT_BYTES = 1 << 18
"""Pictures of this size are decoded where the prompt is made: another thread would cost more."""
_DEAD = "vLLM's engine process has ended; what it said last is above"
_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "repetition": "repetition"}
# What vLLM says of prompts that do not fit: tokens, pictures a request, and one picture's own tokens.
_TOO_LONG = ("maximum model length", "maximum context length", "may be provided in one prompt", "encoder cache size")


class VLLMEngine(Engine):
    """Passes each request to vLLM as it comes; vLLM batches them."""

    config: VLLMConfig

    def __init__(self, config: VLLMConfig) -> None:
        super().__init__(config)
        self._loaded: LoadedEngine | None = None
        self._numbers = itertools.count()
        self._running: set[str] = set()

    async def open(self) -> None:
        if installed_build() is None:
            raise missing()
        self.config.check()
        self._loaded, self._renderer, self._maker = await asyncio.to_thread(self._load)
        self._decoders = ThreadPoolExecutor(_DECODE_THREADS, thread_name_prefix="omnipipe-decode")
        # One: vLLM's processors of pictures are not made for several.
        self._prompter = ThreadPoolExecutor(1, thread_name_prefix="omnipipe-prompt")

    def _load(self) -> tuple[LoadedEngine, PromptRenderer, InputMaker]:
        from omnipipe.engines.vllm_load import load
        from omnipipe.engines.vllm_prompt import InputMaker, PromptRenderer

        loaded = load(self.config)
        try:
            renderer = PromptRenderer(
                self.config.model,
                revision=self.config.revision,
                trust_remote_code=self.config.trusts_remote_code,
            )
        except BaseException:
            loaded.end()
            raise
        return loaded, renderer, InputMaker(loaded.llm)

    @property
    def num_unfinished(self) -> int:
        """Requests that vLLM has taken and not answered."""
        return 0 if self._loaded is None else int(self._loaded.llm.get_num_unfinished_requests())

    async def _generate(self, request: Request) -> Completion:
        last: Any = None
        async with contextlib.aclosing(self._outputs(request, "FINAL_ONLY")) as outputs:
            async for output in outputs:
                last = output
        if last is None:
            raise EngineDeadError(_DEAD)
        return self._completion(last, last.outputs[0].text, tuple(last.outputs[0].token_ids))

    def _completion(self, last: Any, text: str, token_ids: tuple[int, ...]) -> Completion:
        answer = last.outputs[0]
        num_tokens = len(token_ids)
        return Completion(
            text=text,
            finish_reason=_finish_reason(answer.finish_reason),
            prompt_tokens=len(last.prompt_token_ids),
            completion_tokens=num_tokens,
            cached_tokens=last.num_cached_tokens,
            logprob=answer.cumulative_logprob / num_tokens if answer.logprobs is not None and num_tokens else None,
            token_ids=token_ids,
            model=self.config.model,
        )

    async def stream(self, request: Request) -> AsyncIterator[str]:
        async with contextlib.aclosing(self.stream_completion(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        seconds = request.deadline if request.deadline is not None else self.config.request_timeout
        ends = None if seconds is None else time.monotonic() + seconds
        last: Any = None
        text: list[str] = []
        token_ids: list[int] = []
        async with contextlib.aclosing(self._outputs(request, "DELTA")) as outputs:
            while True:
                # Not one timeout around the loop: between two pieces the task belongs to the caller.
                left = None if ends is None else max(0.0, ends - time.monotonic())
                try:
                    last = await asyncio.wait_for(anext(outputs), left)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    message = f"no answer within {seconds:g} s. Raise request_timeout, or lower max_tokens."
                    raise ProblemError("engine_timeout", message) from None
                token_ids += last.outputs[0].token_ids
                if last.outputs[0].text:
                    text.append(last.outputs[0].text)
                    yield last.outputs[0].text
        if last is None:
            raise EngineDeadError(_DEAD)
        yield self._completion(last, "".join(text), tuple(token_ids))

    async def health(self) -> None:
        loaded = self._opened()
        if loaded.llm.errored or not loaded.is_alive:
            raise EngineDeadError(_DEAD)

    async def close(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is None:
            return
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._prompter.shutdown(wait=False, cancel_futures=True)
        if not loaded.llm.errored:
            # Without this their callers would wait for ever.
            await loaded.llm.abort(list(self._running))
        # Otherwise it may see the process end and log that as a crash.
        if loaded.llm.output_handler is not None:
            loaded.llm.output_handler.cancel()
        await asyncio.to_thread(loaded.end)

    def _opened(self) -> LoadedEngine:
        if self._loaded is None:
            raise EngineDeadError("the vLLM engine is closed")
        return self._loaded

    async def _outputs(self, request: Request, kind: Literal["FINAL_ONLY", "DELTA"]) -> AsyncGenerator[Any, None]:
        """What vLLM says to `request`; its errors as ours. Closing or cancelling this aborts the request there."""
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError as DeadError
        from vllm.v1.engine.exceptions import EngineGenerateError

        self._opened()
        options = self._options(request, kind)
        name = f"{next(self._numbers)}-{request.id}"
        try:
            prompt = await self._prompt(request)
            llm = self._opened().llm
            self._running.add(name)
            async with contextlib.aclosing(llm.generate(prompt, request_id=name, **options)) as outputs:
                async for output in outputs:
                    yield output
        except DeadError as error:
            raise EngineDeadError(_DEAD) from error
        except VLLMClientError as error:
            raise _refused(error) from error
        except EngineGenerateError as error:
            raise ProblemError("stage_error", f"vLLM: {str(error.__cause__ or error)[:300]}") from error
        finally:
            self._running.discard(name)

    async def _prompt(self, request: Request) -> Any:
        """`request` as vLLM's engine takes it."""
        loop = asyncio.get_running_loop()
        if sum(len(pixels.data) for pixels in request.images) <= _LIGHT_BYTES:
            return await loop.run_in_executor(self._prompter, lambda: self._maker.make(self._renderer.render(request)))
        rendered = await loop.run_in_executor(self._decoders, self._renderer.render, request)
        return await loop.run_in_executor(self._prompter, self._maker.make, rendered)

    def _options(self, request: Request, kind: str) -> dict[str, object]:
        """The keyword arguments of vLLM's `generate` but the prompt."""
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import (
            RepetitionDetectionParams,
            RequestOutputKind,
            SamplingParams,
            StructuredOutputsParams,
        )

        asked: dict[str, Any] = to_sampling(request.params)
        if asked["repetition_detection"] is not None:
            asked["repetition_detection"] = RepetitionDetectionParams(**asked["repetition_detection"])
        try:
            if request.response_schema is not None:
                asked["structured_outputs"] = StructuredOutputsParams(json=dict(request.response_schema))
            elif request.response_regex is not None:
                asked["structured_outputs"] = StructuredOutputsParams(regex=request.response_regex)
            asked["skip_special_tokens"] = not self.config.keeps_special_tokens
            sampling = SamplingParams(**asked, output_kind=RequestOutputKind[kind], skip_clone=True)
        except VLLMClientError as error:
            raise _refused(error) from error
        options: dict[str, object] = {"sampling_params": sampling}
        if request.adapter is not None:
            options["lora_request"] = self._adapter(request.adapter)
        if self.config.scheduling_policy == "priority":
            # vLLM takes the smallest first.
            options["priority"] = -request.priority
        return options

    def _adapter(self, name: str) -> Any:
        from vllm.lora.request import LoRARequest

        names = sorted(self.config.lora)
        if name not in self.config.lora:
            known = ", ".join(names) or "none"
            raise ConfigError(f"adapter={name} is not in lora. Declared adapters: {known}.")
        return LoRARequest(name, 1 + names.index(name), self.config.lora[name])


def _finish_reason(said: str | None) -> FinishReason:
    if said in _REASONS:
        return _REASONS[said]
    if said == "abort":
        raise EngineDeadError("the vLLM engine was closed in the middle of an answer")
    raise ProblemError("stage_error", f"vLLM ended the answer with {said}")


def _refused(error: Exception) -> ProblemError:
    said = str(error)
    if any(words in said for words in _TOO_LONG):
        return ProblemError("context_overflow", said)
    return ProblemError("stage_error", f"vLLM refuses the request: {said[:300]}")
