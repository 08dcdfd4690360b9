"""The named extractor of Qwen3-VL."""

from __future__ import annotations

from typing import ClassVar

from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextExtractor(BaseTextExtractor):
    """`QwenTextExtractor(backend=QwenTextVLLMConfig()).extract(picture).content` is the page as markdown."""

    family: ClassVar[type[QwenText]] = QwenText
