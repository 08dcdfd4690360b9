"""A stage whose pages say who they are, and that can hang, die or run out of disk where a test wants it to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from omnipipe.errors import RunStopped
from omnipipe.page import Page
from omnipipe.stages.base import Stage


class SayName(Stage):
    """Each page's text is its id. Indices in `deadly` kill the process; `deadly_once` does so until the file exists."""

    seconds: float = 0.0
    deadly: tuple[int, ...] = ()
    deadly_once: str | None = None
    disk_full_at: int | None = None

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return [self._name(page) for page in pages]

    def _name(self, page: Page) -> Page:
        time.sleep(self.seconds)
        if page.index in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.deadly_once is not None and page.index == 1 and not Path(self.deadly_once).exists():
            Path(self.deadly_once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if page.index == self.disk_full_at:
            raise RunStopped("the disk is full")
        return page.with_(status="ok", route="text_layer", text=page.id, text_format="markdown")
