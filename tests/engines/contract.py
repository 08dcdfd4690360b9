"""What every engine promises, tried on the tiny reader: a test file gives an `engine` and subclasses `EngineContract`.

    @pytest.fixture(scope="module")
    def engine() -> Iterator[EngineThread]:
        with opened(MyConfig(model=str(CHECKPOINT), ...)) as thread:
            yield thread

    class TestContract(EngineContract):
        ...

The engine must load the reader in float32. It is loaded once a module; leaving `opened` checks that nothing stays.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from typing import ClassVar

import psutil
import pytest
from PIL import Image

from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, ImagePart, Message, Request, TextPart
from omnipipe.page import Pixels, ProblemError
from tests.tiny_reader import png_of_page, random_pages

READ = GenerationParams(max_tokens=80)
"""Enough for any page that the reader knows; greedy."""

LONG = GenerationParams(max_tokens=3000, min_tokens=3000, stop_on_repetition=False)
"""An answer that takes many seconds, for engines that have `min_tokens`."""

_SECONDS = 120.0
"""An answer's time on a machine that is busy with other things."""


def pixels_of_png(png: bytes) -> Pixels:
    """A PNG file as a page's picture."""
    with Image.open(io.BytesIO(png)) as image:
        return Pixels(png, "png", "RGB", image.width, image.height)


def read_request(
    text: str,
    params: GenerationParams = READ,
    *,
    prompt: str = "Read.",
    deadline: float | None = None,
    priority: int = 0,
    adapter: str | None = None,
) -> Request:
    """Asks for the words of a page that says `text`; a right answer is `text`."""
    parts = (ImagePart(pixels_of_png(png_of_page(text))), TextPart(prompt))
    return Request(
        id=text,
        messages=(Message("user", parts),),
        params=params,
        deadline=deadline,
        priority=priority,
        adapter=adapter,
    )


def white_request(width: int, height: int) -> Request:
    """Asks for the words of an empty page of this size in pixels."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "PNG")
    parts = (ImagePart(pixels_of_png(file.getvalue())), TextPart("Read."))
    return Request(id="white", messages=(Message("user", parts),), params=READ)


@contextmanager
def opened(config: EngineConfig) -> Iterator[EngineThread]:
    """The engine of `config`, loaded. Checks at the end that no process and no thread of it is left."""
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    threads = {thread.ident for thread in threading.enumerate()}
    with EngineThread(config.build()) as thread:
        thread.wait()
        yield thread
    left: list[object] = []
    for _ in range(100):
        left = [child for child in psutil.Process().children(recursive=True) if child.pid not in children]
        left += [
            thread
            for thread in threading.enumerate()
            if thread.ident not in threads and thread.name.startswith("omnipipe")
        ]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"still there after close: {left}")


def answer(engine: EngineThread, request: Request) -> Completion:
    """The answer to `request`."""
    return engine.submit(request).result(_SECONDS)


class EngineContract:
    """The promises."""

    long_params: ClassVar[GenerationParams] = LONG
    """An answer of many seconds, in parameters that the engine honours."""
    idle_seconds: ClassVar[float] = 10.0
    """Seconds after which a cancelled engine rests; well under what `long_params` takes."""

    @pytest.fixture
    def config(self, engine: EngineThread) -> EngineConfig:
        """The settings of `engine`."""
        return engine.run(_config_of).result(_SECONDS)

    def test_pages_are_read_exactly(self, engine: EngineThread) -> None:
        texts = random_pages(16, seed=41)

        calls = [engine.submit(read_request(text)) for text in texts]
        completions = [call.result(_SECONDS) for call in calls]

        assert [completion.text for completion in completions] == texts
        assert {completion.finish_reason for completion in completions} == {"stop"}

    def test_an_answer_says_what_it_took(self, engine: EngineThread) -> None:
        text = "Count to 11"

        completion = answer(engine, read_request(text))

        # Whether the token that ends an answer counts is the library's habit.
        assert completion.completion_tokens in (None, len(text), len(text) + 1)
        assert completion.prompt_tokens is None or completion.prompt_tokens > 16
        assert completion.infer_ms is not None
        assert completion.infer_ms > 0

    def test_many_requests_at_once_are_not_mixed_up(self, engine: EngineThread) -> None:
        texts = random_pages(64, seed=42)
        prompts = ["Read.", "Please read this page.", "?"]

        calls = [engine.submit(read_request(text, prompt=prompts[i % 3])) for i, text in enumerate(texts)]
        said = [call.result(_SECONDS).text for call in calls]

        assert said == texts

    def test_equal_requests_get_equal_answers(self, engine: EngineThread) -> None:
        request = read_request("twice")

        first, second = answer(engine, request), answer(engine, request)

        assert (first.text, first.token_ids) == (second.text, second.token_ids)

    def test_an_answer_that_is_too_long_says_so(self, engine: EngineThread) -> None:
        completion = answer(engine, read_request("Too long", GenerationParams(max_tokens=2)))

        assert completion.finish_reason == "length"
        assert completion.text == "To"

    def test_a_stop_text_ends_an_answer_and_is_cut(self, engine: EngineThread, config: EngineConfig) -> None:
        if "stop" not in config.supports:
            pytest.skip(f"{config.label} has no stop texts")

        completion = answer(engine, read_request("one\ntwo\nthree", READ.with_(stop=("\nth",))))

        assert (completion.text, completion.finish_reason) == ("one\ntwo", "stop")

    def test_a_mean_log_probability_is_near_zero_for_a_sure_reader(
        self, engine: EngineThread, config: EngineConfig
    ) -> None:
        if not config.capabilities.logprobs:
            pytest.skip(f"{config.label} has no log probabilities")

        completion = answer(engine, read_request("Sure of it", READ.with_(logprobs=True)))

        assert completion.logprob is not None
        assert -0.2 < completion.logprob <= 0

    def test_a_streamed_answer_is_the_whole_answer(self, engine: EngineThread, config: EngineConfig) -> None:
        if not config.capabilities.streaming:
            pytest.skip(f"{config.label} does not stream")
        text = "piece\nby piece"

        async def pieces(engine: Engine) -> list[str]:
            return [piece async for piece in engine.stream(read_request(text))]

        said = engine.run(pieces).result(_SECONDS)

        assert "".join(said) == text
        assert len(said) > 3

    def test_a_streamed_answer_says_how_it_ended(self, engine: EngineThread, config: EngineConfig) -> None:
        if not config.capabilities.streaming:
            pytest.skip(f"{config.label} does not stream")

        if not engine.run(_tells_its_end).result(_SECONDS):
            pytest.skip(f"{config.label} streams text and no more")

        async def last(engine: Engine) -> Completion:
            said = [piece async for piece in engine.stream_completion(request)]
            assert isinstance(said[-1], Completion)
            assert said[-1].text == "".join(piece for piece in said[:-1] if isinstance(piece, str))
            return said[-1]

        request = read_request("Too long", GenerationParams(max_tokens=2))
        cut = engine.run(last).result(_SECONDS)
        request = read_request("Whole")
        whole = engine.run(last).result(_SECONDS)

        assert (cut.text, cut.finish_reason) == ("To", "length")
        assert (whole.text, whole.finish_reason) == ("Whole", "stop")
        assert whole.completion_tokens in (5, 6)
        assert whole.prompt_tokens is None or whole.prompt_tokens > 16

    def test_a_deadline_is_kept_and_the_engine_lives_on(self, engine: EngineThread) -> None:
        with pytest.raises(ProblemError) as caught:
            answer(engine, read_request("Late", self.long_params, deadline=0.5))

        assert caught.value.error.code == "engine_timeout"
        assert answer(engine, read_request("On time")).text == "On time"

    def test_cancelled_requests_leave_the_engine_idle_and_usable(self, engine: EngineThread) -> None:
        calls = [engine.submit(read_request(f"Drop {number}", self.long_params)) for number in range(16)]
        time.sleep(1)

        for call in calls:
            call.cancel()

        wait(calls, timeout=_SECONDS)
        _await_idle(self.idle_seconds)
        assert answer(engine, read_request("Next")).text == "Next"

    def test_a_prompt_over_the_context_is_refused(self, engine: EngineThread) -> None:
        with pytest.raises(ProblemError) as caught:
            answer(engine, read_request("Short", prompt="x" * 9000))

        assert caught.value.error.code == "context_overflow"
        assert answer(engine, read_request("Short")).text == "Short"

    def test_an_oversized_picture_does_no_harm(self, engine: EngineThread) -> None:
        outcome: Completion | ProblemError
        try:
            outcome = answer(engine, white_request(2600, 2600))
        except ProblemError as error:
            outcome = error

        assert isinstance(outcome, Completion) or outcome.error.code in {"context_overflow", "oom", "too_large"}
        assert answer(engine, read_request("After it")).text == "After it"

    def test_a_picture_that_cannot_be_decoded_fails_alone(self, engine: EngineThread) -> None:
        parts = (ImagePart(Pixels(b"no picture", "png", "RGB", 256, 64)), TextPart("Read."))
        broken = Request(id="broken", messages=(Message("user", parts),), params=READ)
        calls = [engine.submit(read_request("Before")), engine.submit(broken), engine.submit(read_request("After"))]
        wait(calls, timeout=_SECONDS)

        assert isinstance(calls[1].exception(), ProblemError)
        assert [calls[0].result().text, calls[2].result().text] == ["Before", "After"]

    def test_a_working_engine_is_well(self, engine: EngineThread) -> None:
        engine.health()


async def _tells_its_end(engine: Engine) -> bool:
    return type(engine).stream_completion is not Engine.stream_completion


async def _config_of(engine: Engine) -> EngineConfig:
    return engine.config


def _await_idle(seconds: float) -> None:
    """Return when this process and its children have used under a third of a core for half a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = _cpu_seconds()
        time.sleep(0.5)
        if _cpu_seconds() - before < 0.17:
            return
    raise AssertionError(f"still computing {seconds:g} s after the last request was cancelled")


def _cpu_seconds() -> float:
    total = 0.0
    process = psutil.Process()
    for each in [process, *process.children(recursive=True)]:
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total
