"""The named extractors' common part: a synchronous door to an engine, for one picture or many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import ClassVar, Self, cast

from pydantic import BaseModel

from omnipipe.engines.base import EngineConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.model import Completion, ModelFamily, OutputFormat
from omnipipe.page import Page
from omnipipe.tasks.text_extraction.picture import PictureLike, to_pixels
from omnipipe.tasks.text_extraction.registry import PAIRS, find_config
from omnipipe.tasks.text_extraction.result import TextResult, result_of


class BaseTextExtractor:
    """Reads pictures of pages with a model, on the backend that the class of `backend` chooses.

    The model is loaded at the first picture, once, and stays until `close`. Use it as a context manager, or call
    `close`. Several threads may share one.
    """

    family: ClassVar[type[ModelFamily]]

    def __init__(self, backend: BaseModel) -> None:
        """An extractor that has loaded nothing yet.

        Raises:
            ValueError: `backend` is no config of this family.
        """
        self.backend_config: EngineConfig = _config_of(self.family, backend)
        self._thread: EngineThread | None = None
        self._numbers = count()
        self._lock = Lock()

    def extract(self, image: PictureLike, output_format: str = "markdown") -> TextResult:
        """The text of one page's picture; `output_format` is a `TextFormat` or its name.

        Raises:
            ConfigError: The family does not know the format; the message names those that it knows.
            UserError: The backend's package is missing, or the model cannot be loaded.
            ProblemError: This picture cannot be answered.
            EngineDeadError: The engine has ended.
        """
        return self.submit(image, output_format).result()

    def extract_batch(self, images: Sequence[PictureLike], output_format: str = "markdown") -> list[TextResult]:
        """The texts of all `images`, in their order, asked for at once so that the engine batches them.

        Raises as `extract` does, for the first picture that fails; the others are not waited for.
        """
        waiting = [self.submit(image, output_format) for image in images]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            for future in waiting:
                future.cancel()
            raise

    def submit(self, image: PictureLike, output_format: str = "markdown") -> Future[TextResult]:
        """The text of one picture, later; cancelling it aborts the request.

        Raises:
            ConfigError: The family does not know the format.
        """
        wanted = cast(OutputFormat, str(output_format))
        config = self.backend_config
        pixels = to_pixels(image, config.family.picture)
        page = Page(
            doc_id=f"picture-{next(self._numbers)}",
            uri=str(image) if isinstance(image, str | Path) else "",
            index=0,
            count=1,
            image_width=pixels.width,
            image_height=pixels.height,
            image=pixels,
        )
        request = config.family.request(page, config.generation, output_format=wanted, prompt=config.prompt)
        answer = self._load_model().submit(request)
        return _then(answer, lambda said: result_of(_page_of(page, said, config), said, wanted))

    def load(self) -> None:
        """Load the model now and return when it is there.

        Raises:
            UserError: The backend's package is missing, or the model cannot be loaded.
        """
        self._load_model().wait()

    def close(self) -> None:
        """End the engine and free its memory; the next picture loads it again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _load_model(self) -> EngineThread:
        with self._lock:
            if self._thread is None:
                self.backend_config.check()
                self._thread = EngineThread(self.backend_config.build())
            return self._thread


def _config_of(family: type[ModelFamily], backend: BaseModel) -> EngineConfig:
    """`backend` itself; for a class of another import path the built-in one of the same name and family."""
    if isinstance(backend, EngineConfig) and isinstance(getattr(backend, "family", None), family):
        return backend
    name = type(backend).__name__
    if isinstance(backend, BaseModel) and not isinstance(backend, EngineConfig) and name in PAIRS:
        known = find_config(name)
        if isinstance(known.family, family):
            return known.model_validate(backend.model_dump(exclude_unset=True))
    raise ValueError(f"Unknown backend: {name}")


def _page_of(page: Page, completion: Completion, config: EngineConfig) -> Page:
    return config.family.parse(page, completion).with_(
        status="ok",
        route="vlm",
        engine=config.engine,
        model=completion.model or config.model,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        queue_ms=completion.queue_ms,
        infer_ms=completion.infer_ms,
        cost_usd=completion.cost_usd,
        image=None,
    )


def _then(answer: Future[Completion], make: Callable[[Completion], TextResult]) -> Future[TextResult]:
    """What `make` makes of `answer`, later; cancelling it cancels `answer`."""
    made: Future[TextResult] = Future()

    def finish(done: Future[Completion]) -> None:
        if done.cancelled():
            made.cancel()
            return
        # Whoever waits may cancel between two lines; nobody is there to take the result then.
        with suppress(InvalidStateError):
            error = done.exception()
            if error is not None:
                made.set_exception(error)
            else:
                made.set_result(make(done.result()))

    made.add_done_callback(lambda done: answer.cancel() if done.cancelled() else None)
    answer.add_done_callback(finish)
    return made
