"""Stages kept from costing more than a page: what raises, or gives back what is no row, is one error row."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from omnipipe.errors import EngineDeadError, RunStopped, UserError
from omnipipe.page import Page, ProblemError
from omnipipe.stages.answer_check import find_fault
from omnipipe.stages.base import Stage, StageContext
from omnipipe.stages.deadline import LateError, deadline, find_limit

_log = logging.getLogger(__name__)

# What ends a worker or a run, and is never one page's fault.
_NOT_THE_PAGES_FAULT = (EngineDeadError, RunStopped, UserError)


class _StageFaultError(Exception):
    """A stage gave back something else than its pages; the message begins with a verb."""


def open_stage(stage: Stage, context: StageContext) -> None:
    """Open `stage`.

    Raises:
        RunStopped: It called `sys.exit`. Ray would take that for a worker that has done its work, and start another,
            for ever.
    """
    try:
        stage.open(context)
    except SystemExit as error:
        if _is_a_signals(error):
            raise
        raise RunStopped(
            f"stage {type(stage).__name__} called sys.exit({error.code!r:.40}) in open(). Raise an exception there."
        ) from error


def close_stage(stage: Stage) -> None:
    """Close `stage`. What it raises is logged: the pages are done, and others have to be closed as well."""
    try:
        with deadline(stage):
            stage.close()
    except (Exception, SystemExit, LateError) as error:
        if isinstance(error, SystemExit) and _is_a_signals(error):
            raise
        _log.warning("stage %s raised %s in close(): %s", type(stage).__name__, type(error).__name__, _said(error))


def choose(stage: Stage, pages: Sequence[Page]) -> tuple[list[int], list[Page]]:
    """Places of the pages that `stage` wants, and all pages: those that made it raise on being asked are error rows."""
    wanted: list[int] = []
    done = list(pages)
    for place, page in enumerate(pages):
        try:
            with deadline(stage):
                is_wanted = stage.wants(page)
            if is_wanted:
                wanted.append(place)
        except _NOT_THE_PAGES_FAULT:
            raise
        except (Exception, SystemExit, LateError) as error:  # noqa: BLE001 - a stage's own code
            done[place] = _error_row(stage, page, error)
    return wanted, done


def may_want(stage: Stage, page: Page) -> bool:
    """Whether `stage` wants `page`, or raises when it is asked."""
    wanted, (left,) = choose(stage, [page])
    return bool(wanted) or left is not page


def isolated(
    stage: Stage, pages: Sequence[Page], work: Callable[[], Sequence[Page]], context: StageContext
) -> Sequence[Page]:
    """What `work` makes of `pages`; those that `stage` raises on or is late with are error rows, their neighbours not.

    Raises:
        RunStopped: See `open_stage`: a stage that was late is opened anew.
    """
    try:
        with deadline(stage):
            return _checked(stage, pages, work())
    except _NOT_THE_PAGES_FAULT:
        raise
    except (Exception, SystemExit, LateError) as error:  # noqa: BLE001 - a stage's own code
        if isinstance(error, LateError):
            _log.warning("%s; it had %d pages", _said_of_late(stage, error), len(pages))
            # It was cut off in the middle: what it holds may be out of step, such as a process that still answers.
            close_stage(stage)
            open_stage(stage, context)
        if len(pages) == 1:
            return [_error_row(stage, pages[0], error)]
        return [isolated(stage, [page], lambda page=page: stage.process([page]), context)[0] for page in pages]  # type: ignore[misc]


def _checked(stage: Stage, before: Sequence[Page], given: object) -> Sequence[Page]:
    if not isinstance(given, Iterable):
        raise _StageFaultError(f"returned {given!r:.60} for {len(before)} pages. {_PROMISE}")
    # A generator gives its pages once.
    after = given if isinstance(given, list | tuple) else list(given)
    for page in after:
        if not isinstance(page, Page):
            raise _StageFaultError(f"returned {page!r:.60} for a page. {_PROMISE}")
    if [page.id for page in after] != [page.id for page in before]:
        raise _StageFaultError(f"returned {len(after)} pages for {len(before)}, or in another order. {_PROMISE}")
    if not type(stage).__module__.startswith("omnipipe."):
        for old, new in zip(before, after, strict=True):
            if fault := find_fault(old, new):
                raise _StageFaultError(f"{fault}.")
    return after


_PROMISE = "A stage returns the pages that it was given, one to one."


def _error_row(stage: Stage, page: Page, error: Exception | SystemExit | LateError) -> Page:
    name = type(stage).__name__
    if isinstance(error, LateError):
        return page.failed("stage_timeout", _said_of_late(stage, error))
    if isinstance(error, ProblemError):
        return page.failed(error.error.code, error.error.message)
    if isinstance(error, MemoryError):
        return page.failed("oom", f"stage {name} ran out of memory on this page")
    if isinstance(error, SystemExit):
        if _is_a_signals(error):
            raise error
        return page.failed("stage_error", f"stage {name} called sys.exit({error.code!r:.40})")
    if isinstance(error, _StageFaultError):
        return page.failed("stage_error", f"stage {name} {error}")
    return page.failed("stage_error", f"stage {name} raised {type(error).__name__}: {_said(error)}")


def _said_of_late(stage: Stage, error: LateError) -> str:
    frames = [frame for frame in walk_tb(error.__traceback__) if frame[0].f_code.co_filename != __file__]
    here = [place for place in frames if place[0].f_globals.get("__name__") == type(stage).__module__] or frames
    at = f", at line {here[-1][1]} of {Path(here[-1][0].f_code.co_filename).name}" if here else ""
    return f"stage {type(stage).__name__} took more than the {find_limit(stage):g} s it may{at}"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the message of somebody else's exception is somebody else's code
        return "(an exception without a message that can be shown)"


def _is_a_signals(error: SystemExit) -> bool:
    """Whether a handler of SIGTERM raised it: it ends this process, in whose stage it came by chance."""
    code = getattr(signal.getsignal(signal.SIGTERM), "__code__", None)
    place: TracebackType | None = error.__traceback__
    while place is not None:
        if place.tb_frame.f_code is code:
            return True
        place = place.tb_next
    return False
