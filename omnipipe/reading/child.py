"""The reader's child process: reads documents for its parent until it is killed or the parent is gone.

A request is `("inspect", path)` or `(verb, path, indices, options, is_careful, avoided)`, an answer a stream of frames
that ends with `DONE` or `PROBLEM`. A careful answer is sent page by page: whatever is missing when the process is lost
was not read, and `SAMPLING` says which other page was looked at. Pages in `avoided` are never looked at for others.
The last document stays open between requests.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, cast

from omnipipe.page import ProblemError
from omnipipe.reading.outbox import Outbox
from omnipipe.reading.source import Watch
from omnipipe.reading.wire import Wire

if TYPE_CHECKING:
    from omnipipe.reading.facts import ReadOptions, RenderPolicy
    from omnipipe.reading.source import PageSource

READY: Final = 0
"""Once, at the start."""
OPENED: Final = 1
"""`(format, page_count, metadata)`: the document is open."""
PROBLEM: Final = 2
"""`(code, message)`: the document cannot be read; nothing follows."""
EARLY: Final = 3
"""`(facts,)`: what holds for the page should it not come to its end."""
PAGE: Final = 4
"""`(facts,)`: a page was read."""
PIXELS: Final = 5
"""`(format, mode, width, height)`, payload: a page was drawn."""
FAILED: Final = 6
"""`(code, message)`: a page cannot be read."""
SHARE: Final = 7
"""`(ocr_share,)`."""
DONE: Final = 8
"""`(resident_bytes,)`: the request is answered."""
SAMPLING: Final = 9
"""`(index,)`: another page is looked at for the one that is read; None: no more."""


class _Reader:
    def __init__(self, outbox: Outbox, passwords: Sequence[str], open_seconds: int, page_seconds: int) -> None:
        self._outbox = outbox
        self._passwords = passwords
        self._open_seconds = open_seconds
        self._page_seconds = page_seconds
        self._source: PageSource | None = None
        self._key: tuple[object, ...] = ()

    def answer(self, request: tuple[object, ...]) -> None:
        verb, path = cast("tuple[str, str]", request[:2])
        _alarm(self._open_seconds)
        try:
            source = self._open(path)
        except ProblemError as problem:
            self._outbox.send((PROBLEM, *problem.error))
            return
        except MemoryError:
            self._outbox.send((PROBLEM, "oom", "The document takes more memory to open than it may."))
            return
        except Exception as problem:  # noqa: BLE001 - a hostile file may raise anything in a library
            self._outbox.send((PROBLEM, "corrupt", _wording(problem)))
            return
        self._outbox.send((OPENED, source.format, source.page_count, source.metadata))
        if verb == "share":
            self._share(source)
        elif verb != "inspect":
            self._pages(source, request)
        self._outbox.send((DONE, _resident_bytes()))

    def _share(self, source: PageSource) -> None:
        _alarm(self._page_seconds)
        try:
            share = source.estimate_ocr_share()
        except Exception:  # noqa: BLE001 - an estimate costs no document
            share = 0.5
        self._outbox.send((SHARE, share))

    def _pages(self, source: PageSource, request: tuple[object, ...]) -> None:
        verb, _, indices, options, is_careful, avoided = cast(
            "tuple[str, str, Sequence[int], object, bool, Sequence[int]]", request
        )
        send = self._outbox.send
        answer = send if is_careful else self._outbox.put
        # No alarm while a frame is sent: the parent may take as long as it likes to take it.
        if verb == "read":
            read_options = cast("ReadOptions", options)

            def tell(message: tuple[object, ...]) -> None:
                _alarm(0)
                send(message)
                _alarm(self._page_seconds)

            watch = Watch(
                early=lambda facts: tell((EARLY, facts)),
                sampling=lambda index: tell((SAMPLING, index)) if is_careful else None,
                avoided=frozenset(avoided),
                is_careful=is_careful,
            )

            def page(index: int) -> None:
                facts = source.read(index, read_options, watch)
                _alarm(0)
                answer((PAGE, facts))
        else:
            policy = cast("RenderPolicy", options)

            def page(index: int) -> None:
                pixels = source.render(index, policy)
                _alarm(0)
                send((PIXELS, pixels.format, pixels.mode, pixels.width, pixels.height), pixels.data)

        for index in indices:
            _alarm(self._page_seconds)
            _try(page, index, source.page_count, answer)

    def _open(self, path: str) -> PageSource:
        from omnipipe.reading.opening import open_source

        key = _key(path)
        if self._source is not None and key == self._key:
            return self._source
        if self._source is not None:
            self._source.close()
            self._source = None
        source = open_source(path, self._passwords)
        self._source, self._key = source, key
        return source


def _try(page: Callable[[int], None], index: int, page_count: int, send: Callable[[tuple[object, ...]], None]) -> None:
    if not 0 <= index < page_count:
        send((FAILED, "corrupt", f"There is no page {index + 1}: the document has {page_count}."))
        return
    try:
        page(index)
    except ProblemError as problem:
        send((FAILED, *problem.error))
    except MemoryError:
        send((FAILED, "oom", f"Page {index + 1} takes more memory than it may."))
    except (ConnectionError, EOFError):
        raise
    except Exception as problem:  # noqa: BLE001 - a hostile page may raise anything in a library
        send((FAILED, "corrupt", f"Page {index + 1}: {_wording(problem)}"))


def _wording(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}".encode("utf-8", "replace").decode()[:300]


def _key(path: str) -> tuple[object, ...]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each request costs more than the call
    except OSError:
        return (path, None)
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _alarm(seconds: int) -> None:
    """Let the kernel end this process if it is still at the same step after `seconds`; 0 takes that back.

    The parent kills it much earlier. This is for a child that hangs in native code when its parent is gone.
    """
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _die_with(parent: int) -> None:
    """End this process when its parent ends, at once on Linux and within a second elsewhere."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, name="omnipipe-orphan-watch", daemon=True).start()


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:
        return
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(descriptor: int, parent: int, memory_bytes: int, open_seconds: float, page_seconds: float) -> None:
    """Answer requests on the socket `descriptor` until its other end closes. The passwords come first."""
    _die_with(parent)
    _limit_memory(memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = Wire(socket.socket(fileno=descriptor))
    try:
        (passwords,), _ = wire.receive()
        import omnipipe.reading.pdf  # noqa: F401 - loaded while the parent prepares its first request

        # A page makes thousands of short-lived tuples and no cycles; what the libraries made at import stays for good.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
        wire.send((READY,))
        reader = _Reader(
            Outbox(wire), cast("Sequence[str]", passwords), 2 * int(open_seconds) + 5, 2 * int(page_seconds) + 5
        )
        while True:
            _alarm(0)
            request, _ = wire.receive()
            reader.answer(request)
    except (EOFError, ConnectionError):
        # No clean-up: the parent is gone or does not want this process any more.
        os._exit(0)
