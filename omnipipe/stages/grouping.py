"""Pages of one document asked for together, in the order of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from omnipipe.errors import ConfigError
from omnipipe.page import Page, PageError, ProblemError
from omnipipe.stages.base import StageContext

Found = TypeVar("Found")


def by_document(
    pages: Sequence[Page],
    context: StageContext | None,
    ask: Callable[[StageContext, str, list[int]], Iterator[Found | PageError]],
    finish: Callable[[Page, Found], Page],
) -> list[Page]:
    """Each page with what `ask` found for it, put together by `finish`; error rows where there was a `PageError`.

    `ask` is given a local path and 0-based indices, once for each document. A document that cannot be had or opened
    fails all of its pages with its code.
    """
    if context is None:
        raise ConfigError("a stage was used before it was opened. Call open(context) first.")
    places: dict[str, list[int]] = {}
    for place, page in enumerate(pages):
        places.setdefault(page.doc_id, []).append(place)
    done = list(pages)
    for group in places.values():
        answered = 0
        try:
            path = context.local_path(pages[group[0]])
            for place, found in zip(group, ask(context, path, [pages[i].index for i in group]), strict=True):
                page = pages[place]
                done[place] = page.failed(*found) if isinstance(found, PageError) else finish(page, found)
                answered += 1
        except ProblemError as problem:
            for place in group[answered:]:
                done[place] = pages[place].failed(*problem.error)
    return done
