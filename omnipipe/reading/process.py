"""Documents read in a child process that can be killed: a crash, a hang or a bomb costs one page only."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self, cast

from omnipipe.page import PageError, Pixels, ProblemError
from omnipipe.reading.facts import DocumentFacts, PageFacts, ReadOptions, RenderPolicy
from omnipipe.reading.live import Child, ChildLostError, ReaderLimits
from omnipipe.reading.slot import ChildSlot, problem_of
from omnipipe.reading.stream import PageStream

__all__ = ["ReaderLimits", "ReaderProcess"]

_SHARE_UNKNOWN = 0.5
_SHARE_SECONDS = 5.0


class ReaderProcess:
    """Reads documents in one child process, which starts at first use and is replaced when it fails.

    Paths are local files. `passwords` are tried in order on encrypted documents. One call at a time: an iterator must
    be used up or dropped before the next call. Not for several threads. A context manager.
    """

    def __init__(self, limits: ReaderLimits | None = None, passwords: Sequence[str] = ()) -> None:
        self._slot = ChildSlot(limits or ReaderLimits(), passwords)
        self._finalizer = weakref.finalize(self, self._slot.drop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Start the child now, without waiting for it: it is ready when the caller has done its own loading."""
        self._slot.get()

    def inspect(self, path: str, *, with_ocr_share: bool = False) -> DocumentFacts:
        """Format, page count and metadata of the document at `path`, and on request an estimate of the OCR due.

        The estimate loads a page or more: half the time of reading them.

        Raises:
            ProblemError: It cannot be opened: `missing`, `unreadable`, `empty`, `unsupported`, `encrypted`, `corrupt`,
                `too_large`, `document_timeout`, `render_crash` or `oom`.
        """
        turn = self._slot.begin()
        is_done = False
        try:
            facts = self._inspect(path, with_ocr_share=with_ocr_share)
            is_done = True
        except ProblemError:
            is_done = True
            raise
        finally:
            self._slot.end(turn, is_done=is_done)
        return facts

    def _inspect(self, path: str, *, with_ocr_share: bool) -> DocumentFacts:
        is_repeated = False
        while True:
            child = self._slot.get()
            was_fresh = child.num_answered == 0
            child.send(("share" if with_ocr_share else "inspect", path))
            try:
                format, count, metadata = self._slot.opened(child)
            except ChildLostError as lost:
                self._slot.drop()
                if is_repeated or lost.code == "render_timeout" or (was_fresh and not lost.is_outside):
                    raise problem_of(lost) from lost
                is_repeated = True
                continue
            if with_ocr_share:
                return DocumentFacts(format, count, metadata, self._ocr_share(child))
            self._finish(child)
            return DocumentFacts(format, count, metadata)

    def read_pages(self, path: str, indices: Sequence[int], options: ReadOptions) -> Iterator[PageFacts | PageError]:
        """What the pages `indices` (0-based) of the document at `path` say: one answer an index, in order.

        Raises:
            ProblemError: The document cannot be opened; see `inspect`.
        """
        return cast("Iterator[PageFacts | PageError]", iter(PageStream(self._slot, "read", path, indices, options)))

    def render_pages(self, path: str, indices: Sequence[int], policy: RenderPolicy) -> Iterator[Pixels | PageError]:
        """The upright pictures of the pages `indices` (0-based): one answer an index, in order.

        Raises:
            ProblemError: The document cannot be opened; see `inspect`.
        """
        return cast("Iterator[Pixels | PageError]", iter(PageStream(self._slot, "render", path, indices, policy)))

    def close(self) -> None:
        """End the child process. The next call would start another."""
        self._slot.end(self._slot.begin(), is_done=False)

    def _ocr_share(self, child: Child) -> float:
        """The child's estimate; a sample page that hangs or crashes costs the estimate and not the document."""
        try:
            (_, share), _ = child.receive(min(_SHARE_SECONDS, self._slot.limits.page_seconds))
        except ChildLostError:
            self._slot.drop()
            return _SHARE_UNKNOWN
        self._finish(child)
        return cast("float", share)

    def _finish(self, child: Child) -> None:
        child.num_answered += 1
        try:
            self._slot.finish(child)
        except ChildLostError:
            self._slot.drop()
