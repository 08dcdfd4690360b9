"""The answers to one request over many pages, whatever happens to the child on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal, cast

from omnipipe.page import PageError, Pixels, ProblemError
from omnipipe.reading import child as replies
from omnipipe.reading.facts import PageFacts
from omnipipe.reading.live import Child, ChildLostError
from omnipipe.reading.slot import ChildSlot, problem_of

# Pages asked for in one request; between requests the child may be replaced.
_REQUEST_PAGES = 256

# Seconds that a page may take which is only looked at for the sake of another.
_SAMPLE_SECONDS = 5.0

Answer = PageFacts | Pixels | PageError


class PageStream:
    """One answer for each of `indices`, in order. `options` are those of `verb`."""

    def __init__(
        self, slot: ChildSlot, verb: Literal["read", "render"], path: str, indices: Sequence[int], options: object
    ) -> None:
        self._slot = slot
        self._verb = verb
        self._path = path
        self._options = options
        self._waiting = deque(indices)
        self._num_given = 0
        self._attempt = 0
        self._is_open = False
        self._is_careful = False
        self._early: PageFacts | None = None
        self._sampled: int | None = None

    def __iter__(self) -> Iterator[Answer]:
        slot = self._slot
        turn = slot.begin()
        is_done = False
        try:
            for answer in self._all():
                yield answer
                if slot.turn != turn:
                    raise RuntimeError("the reader was asked something else before these answers were used up")
            is_done = True
        except ProblemError:
            is_done = True
            raise
        finally:
            slot.end(turn, is_done=is_done)

    def _all(self) -> Iterator[Answer]:
        while self._waiting:
            if self._slot.is_given_up(self._path):
                yield self._give_up()
                continue
            child = self._slot.get()
            was_fresh = child.num_answered == 0
            try:
                yield from self._request(child)
            except ProblemError as problem:
                yield from self._unopened(problem)
            except ChildLostError as lost:
                self._slot.drop()
                if self._attempt == 0 and not self._is_culprit_known(lost, was_fresh and child.num_answered == 0):
                    self._attempt = 1
                    continue
                if self._sampled is not None:
                    # That page says nothing of this one: read on without it, as everyone does who asks for this page.
                    self._slot.avoid(self._path, self._sampled)
                    self._attempt, self._sampled = 0, None
                    continue
                yield from self._settle(lost)

    def _is_culprit_known(self, lost: ChildLostError, is_first_in_child: bool) -> bool:
        """Whether it was the page that waits first, and nothing but that page."""
        if lost.is_outside or (lost.code != "render_timeout" and not is_first_in_child):
            # It may be what others left behind in the child: a page is judged by what it does to a fresh one.
            return False
        return self._is_careful or not self._is_open or self._early is not None

    def _request(self, child: Child) -> Iterator[Answer]:
        part = [self._waiting[i] for i in range(min(_REQUEST_PAGES, len(self._waiting)))]
        self._is_open, self._early, self._sampled = False, None, None
        self._is_careful = self._verb == "render" or self._attempt > 0
        avoided = self._slot.avoided(self._path)
        child.send((self._verb, self._path, part, self._options, self._is_careful, avoided))
        self._slot.opened(child)
        self._is_open = True
        for _ in part:
            answer = self._next(child)
            child.num_answered += 1
            yield self._given(answer)
        try:
            self._slot.finish(child)
        except ChildLostError:
            # All answers are here; the next request gets another child.
            self._slot.drop()

    def _next(self, child: Child) -> Answer:
        limit = self._slot.limits.page_seconds
        while True:
            seconds = limit if self._sampled is None else min(limit, _SAMPLE_SECONDS)
            (kind, *values), payload = child.receive(seconds)
            if kind == replies.PAGE:
                return cast("PageFacts", values[0])
            if kind == replies.PIXELS:
                format, mode, width, height = values
                return Pixels(payload, format, mode, width, height)  # type: ignore[arg-type]
            if kind == replies.FAILED:
                code, message = cast("tuple[str, str]", values)
                if code == "oom":
                    raise ChildLostError("oom", message)
                return PageError.of(code, message)
            if kind == replies.SAMPLING:
                self._sampled = cast("int | None", values[0])
            else:
                self._early = cast("PageFacts", values[0])

    def _given(self, answer: Answer) -> Answer:
        self._waiting.popleft()
        self._num_given += 1
        self._attempt, self._early, self._sampled = 0, None, None
        return answer

    def _settle(self, lost: ChildLostError) -> Iterator[Answer]:
        if not self._is_open:
            yield from self._unopened(problem_of(lost))
            return
        if lost.code == "render_timeout":
            self._slot.count_lost(self._path)
        early = self._early
        if early is not None:
            yield self._given(early._replace(reasons=(*early.reasons, f"ink:{lost.code}")))
        else:
            yield self._given(PageError.of(lost.code, f"Page {self._waiting[0] + 1}: {lost.reason}."))

    def _unopened(self, problem: ProblemError) -> Iterator[Answer]:
        if not self._num_given:
            raise problem
        while self._waiting:
            yield self._given(problem.error)

    def _give_up(self) -> Answer:
        limit = self._slot.limits.document_seconds
        message = f"Not tried: earlier pages of this document were given up after more than {limit:g} s in all."
        return self._given(PageError.of("document_timeout", message))
