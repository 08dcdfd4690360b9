"""The named extractor of Qwen3-VL."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.qwen.family import QwenText

if TYPE_CHECKING:
    from omnipipe.tasks.text_extraction.qwen.api import QwenTextAPIConfig
    from omnipipe.tasks.text_extraction.qwen.mlx import QwenTextMLXConfig
    from omnipipe.tasks.text_extraction.qwen.pytorch import QwenTextPyTorchConfig
    from omnipipe.tasks.text_extraction.qwen.vllm import QwenTextVLLMConfig

QwenTextBackendConfig: TypeAlias = "QwenTextPyTorchConfig | QwenTextVLLMConfig | QwenTextMLXConfig | QwenTextAPIConfig"
"""The promised backends; any other config of the family does as well."""


class QwenTextExtractor(BaseTextExtractor):
    """`QwenTextExtractor(backend=QwenTextVLLMConfig()).extract(picture).content` is the page as markdown."""

    family: ClassVar[type[QwenText]] = QwenText
