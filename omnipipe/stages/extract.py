"""The stage that asks a model: open pages with a picture get their text from an engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, InstanceOf, PrivateAttr, field_validator

from omnipipe.config import operation, settings_hash
from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion
from omnipipe.page import Page, PageError, ProblemError
from omnipipe.reading.facts import RenderPolicy
from omnipipe.stages.answer_check import find_fault
from omnipipe.stages.aside import aside
from omnipipe.stages.base import Answers, StageContext, WaitingStage
from omnipipe.stages.deadline import LateError

_T = TypeVar("_T")

_OF_AN_ANSWER = (
    *("engine", "model", "attempts", "temperature", "finish_reason"),
    *("prompt_tokens", "completion_tokens", "queue_ms", "infer_ms", "cost_usd"),
)
"""What a row says of the answer that it has: nothing any more of a page that another model lost."""


class Extract(WaitingStage):
    """Reads open pages that have a picture with a vision-language model.

    A page becomes `ok` with route `vlm`. An answer that was cut off (`truncated`) or loops (`repetition`) is asked for
    again at another temperature; after `attempts` answers, and for errors that are the request's own, the page falls
    back to the text that it came with (`fallback`), or is `failed` where it has none. Both keep the error code. With
    `pass_on` it stays open instead, so that a `Render` and an `Extract` with another model may come after this one.
    """

    batch_size: ClassVar[int] = 256
    needs_pixels: ClassVar[bool] = True

    engine: Annotated[InstanceOf[EngineConfig], Field(description="The engine and the model, by config class.")]
    attempts: int = Field(2, ge=1, le=5, description="Answers to ask for until one is whole.")
    retry_temperature: float = Field(0.4, ge=0, le=2, description="Added to the temperature at each further attempt.")
    pass_on: bool = Field(False, description="Leave pages without a whole answer to the stages after this one.")
    keep_answers: bool = operation(True, description="Keep answers on disk until their page is committed.")

    _context: StageContext | None = PrivateAttr(default=None)
    _thread: EngineThread | None = PrivateAttr(default=None)
    _salt: str = PrivateAttr(default="")

    @field_validator("engine", mode="before")
    @classmethod
    def _engine_by_name(cls, given: Any) -> Any:
        settings = {"config": given} if isinstance(given, str) else given
        if not isinstance(settings, Mapping):
            return given
        name = settings.get("config")
        if not isinstance(name, str):
            raise ValueError("the key 'config' is missing. Write config: QwenTextVLLMConfig, or another config class")
        from omnipipe.tasks.text_extraction.registry import find_config

        try:
            found = find_config(name)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return found.model_validate({key: value for key, value in settings.items() if key != "config"})

    @property
    def engine_config(self) -> EngineConfig:
        """The engine that pages wait for."""
        return self.engine

    def with_engine(self, engine: EngineConfig) -> Self:
        """This stage with another engine."""
        return self.model_copy(update={"engine": engine})

    @property
    def picture(self) -> RenderPolicy:
        """The picture that the model's family wants."""
        return self.engine.family.picture

    def wants(self, page: Page) -> bool:
        """Open pages with a picture."""
        return page.is_open and page.image is not None

    def open(self, context: StageContext) -> None:
        """Begin to load the engine; pages may come before it is there."""
        self._context = context
        self._thread = context.engine(self.engine)
        self._salt = settings_hash({**self.engine.identity(), "model": self.engine.model})

    def start(self, pages: Sequence[Page]) -> Callable[[], Sequence[Page]]:
        """Ask for all `pages` at once."""
        thread, context = self._thread, self._context
        if thread is None or context is None:
            raise ConfigError("the Extract stage was used before it was opened. Call open(context) first.")
        answers = context.answers
        waiting = [thread.run(lambda engine, page=page: self._extract(engine, page, answers)) for page in pages]  # type: ignore[misc]
        return lambda: [future.result() for future in waiting]

    def close(self) -> None:
        """Let the engine go; the worker's process owns it."""
        self._context = self._thread = None

    async def _extract(self, engine: Engine, page: Page, answers: Answers) -> Page:
        params = self.engine.generation
        last = page = page if page.error is None else page.with_(**dict.fromkeys(_OF_AN_ANSWER))
        for attempt in range(1, self.attempts + 1):
            try:
                completion = await self._answer(engine, page, params, answers)
            except ProblemError as problem:
                return self._lost(last.with_(attempts=attempt), problem.error)
            last = self._with_measures(page, completion, params, attempt)
            try:
                self._check(page, last)
                if completion.finish_reason == "stop":
                    return await self._finished(last, completion)
            except ProblemError as problem:
                return self._lost(page.with_(attempts=attempt), problem.error)
            failure = _failure(completion, params)
            params = self._warmer(params, attempt)
        return self._lost(last, failure)

    def _lost(self, page: Page, error: PageError) -> Page:
        if self.pass_on:
            return page.with_(error=error, route_reason=f"{self.engine.model}: {error.code}", image=None)
        if page.text:
            return page.with_(status="fallback", error=error, image=None)
        return page.failed(error.code, error.message)

    def _warmer(self, params: GenerationParams, attempt: int) -> GenerationParams:
        temperature = min(2.0, params.temperature + self.retry_temperature)
        seed = {"seed": attempt} if "seed" in self.engine.supports else {}
        return params.with_(temperature=temperature, **seed)

    async def _answer(self, engine: Engine, page: Page, params: GenerationParams, answers: Answers) -> Completion:
        request = await self._asked(lambda: self.engine.family.request(page, params, prompt=self.engine.prompt))
        if not (self.keep_answers and self.engine.is_dear):
            return await engine.generate(request)
        key = hashlib.sha256(f"{self._salt} {page.id} {request.key}".encode()).hexdigest()
        found = answers.find(key)
        if found is None:
            found = await engine.generate(request)
            answers.keep(key, found)
        return found

    async def _asked(self, work: Callable[[], _T]) -> _T:
        """What `work`, a call of the family's, returns; somebody else's family must not hold up the engine's loop."""
        family = self.engine.family
        if type(family).__module__.startswith("omnipipe."):
            return work()
        try:
            return await aside(work, family.deadline)
        except LateError as late:
            said = (
                f"{type(self.engine).__name__}: {type(family).__name__} took more than the {family.deadline:g} s it may"
            )
            raise ProblemError("stage_timeout", said) from late

    async def _finished(self, page: Page, completion: Completion) -> Page:
        asked = page.with_(route="vlm", quality=None, lines=(), blocks=())
        try:
            done = await self._asked(lambda: self.engine.family.parse(asked, completion))
        except ProblemError:
            raise
        except Exception as error:
            said = f"raised {type(error).__name__}: {error!s}"
            raise ProblemError("stage_error", f"{type(self.engine).__name__} {said}") from error
        self._check(asked, done)
        flags = done.flags if done.text else (*done.flags, "no_text_found")
        return done.with_(
            status="ok",
            text=done.text or "",
            text_format=done.text_format or "markdown",
            flags=tuple(dict.fromkeys(flags)),
            error=None,
            image=None,
        )

    def _check(self, before: Page, after: object) -> None:
        """See that what a family or an engine of another package gave can be a row.

        Raises:
            ProblemError: It cannot.
        """
        if all(type(part).__module__.startswith("omnipipe.") for part in (self.engine, self.engine.family)):
            return
        if not isinstance(after, Page):
            fault: str | None = f"returned {after!r:.60} for a page"
        elif after.id != before.id:
            fault = "returned another page than it was given"
        else:
            fault = find_fault(before, after)
        if fault is not None:
            raise ProblemError("stage_error", f"{type(self.engine).__name__} {fault}.")

    def _with_measures(self, page: Page, completion: Completion, params: GenerationParams, attempt: int) -> Page:
        return page.with_(
            engine=self.engine.engine,
            model=completion.model or self.engine.model,
            attempts=attempt,
            temperature=params.temperature,
            finish_reason=completion.finish_reason,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            queue_ms=completion.queue_ms,
            infer_ms=completion.infer_ms,
            cost_usd=completion.cost_usd,
        )


def _failure(completion: Completion, params: GenerationParams) -> PageError:
    if completion.finish_reason == "repetition":
        return PageError.of("repetition", "the answer loops. Raise repetition_penalty, or use another model.")
    return PageError.of(
        "truncated", f"the answer stopped at max_tokens={params.max_tokens}; the page is incomplete. Raise max_tokens."
    )
