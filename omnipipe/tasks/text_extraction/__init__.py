"""Models that read pages: `QwenTextExtractor(backend=QwenTextVLLMConfig(...)).extract(picture).content`, and others.

Importing this loads no engine; a model is loaded at the first picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.tasks.lazy import loads

if TYPE_CHECKING:
    from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
    from omnipipe.tasks.text_extraction.qwen.extractor import QwenTextExtractor
    from omnipipe.tasks.text_extraction.result import TextFormat, TextResult

__all__ = ["BaseTextExtractor", "QwenTextExtractor", "TextFormat", "TextResult"]

__getattr__, __dir__ = loads(
    __name__,
    {
        "BaseTextExtractor": "extractor",
        "QwenTextExtractor": "qwen.extractor",
        "TextFormat": "result",
        "TextResult": "result",
    },
)
