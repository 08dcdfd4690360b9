"""Pictures of chat requests: taken out of data URLs and decoded in processes that may die of them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from omnipipe.page import PageError, Pixels, ProblemError
from omnipipe.reading.detect import HEAD_BYTES, detect
from omnipipe.reading.facts import RenderPolicy
from omnipipe.reading.process import ReaderLimits, ReaderProcess

_DATA_URL = re.compile(r"data:image/(png|jpe?g|webp)(;[a-z]+=[\w-]+)*;base64,", re.ASCII | re.IGNORECASE)
_LONGEST_HEAD = 120
_FORMATS = frozenset({"png", "jpeg", "webp"})
_LIMITS = ReaderLimits(page_seconds=20.0, document_seconds=30.0, memory_bytes=1 << 30, recycle_bytes=256 << 20)
_TAKEN = "Send data:image/png;base64,... (or jpeg, or webp)."


class PictureReader:
    """Decodes pictures in `num_processes` child processes: a bomb or a crash costs one request.

    For several event loops and many requests at once; what is too much waits.
    """

    def __init__(self, num_processes: int = 2, limits: ReaderLimits | None = None) -> None:
        self._limits = limits or _LIMITS
        self._readers = threading.local()
        self._open: list[ReaderProcess] = []
        self._pool = ThreadPoolExecutor(num_processes, thread_name_prefix="omnipipe-picture")

    async def read(self, content: str | bytes, policy: RenderPolicy) -> Pixels:
        """The picture in a data URL or in an image file's bytes, upright, in the size of `policy`, as PNG.

        PNG, because what a client drew as the pipeline draws its pages then reaches the model unchanged.

        Raises:
            ProblemError: `unsupported`, `corrupt`, `empty`, `too_large`, `render_timeout`, `render_crash` or `oom`.
        """
        policy = replace(policy, format="png")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, content, policy)

    def close(self) -> None:
        """End the processes; what waits is given up."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        while self._open:
            self._open.pop().close()

    def _read(self, content: str | bytes, policy: RenderPolicy) -> Pixels:
        content = _bytes_of(content) if isinstance(content, str) else content
        if detect(content[:HEAD_BYTES], "the picture").format not in _FORMATS:
            raise ProblemError("unsupported", "it is neither PNG, JPEG nor WebP.")
        descriptor, name = tempfile.mkstemp(prefix="picture-")
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            (found,) = self._reader().render_pages(name, [0], policy)
        finally:
            os.unlink(name)  # noqa: PTH108 - it is a string already
        if isinstance(found, PageError):
            raise ProblemError(found.code, found.message.replace(os.path.basename(name), "it"))  # noqa: PTH119
        return found

    def _reader(self) -> ReaderProcess:
        reader: ReaderProcess | None = getattr(self._readers, "own", None)
        if reader is None:
            reader = self._readers.own = ReaderProcess(self._limits)
            self._open.append(reader)
        return reader


def _bytes_of(url: str) -> bytes:
    head = _DATA_URL.match(url, 0, _LONGEST_HEAD)
    if head is None:
        raise ProblemError("unsupported", f"its URL is no data URL of a PNG, JPEG or WebP file. {_TAKEN}")
    try:
        return base64.b64decode(url[head.end() :].encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ProblemError("corrupt", "its URL has no valid base64.") from None
