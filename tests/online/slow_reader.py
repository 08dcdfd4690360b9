"""A pipeline for tests of serving: text layers that take their time, and a tiny model for pages without one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.stages.base import Stage
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.pytorch import QwenTextPyTorchConfig

CHECKPOINT = Path(__file__).parent.parent / "tiny_reader" / "checkpoint"


class Slow(Stage):
    """Sleeps over every page whose text begins with `slow`; one that begins with `deadly` ends the process."""

    seconds: float = 0.15

    def wants(self, page: Page) -> bool:
        """Pages of that text, finished as they are."""
        return page.text is not None and page.text.startswith(("slow", "deadly"))

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """The same pages, later."""
        if any(page.text is not None and page.text.startswith("deadly") for page in pages):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds * len(pages))
        return pages


ENGINE = QwenTextPyTorchConfig.model_validate(
    {"model": str(CHECKPOINT), "prompt": "Read.", "max_tokens": 80, "torch_dtype": "float32", "device": "cpu"}
)

pipeline = Pipeline("slow", (Read(), Slow(), Render(dpi=72, small_side=0, format="png"), Extract(engine=ENGINE)))
