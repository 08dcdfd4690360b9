"""The promised backends of Qwen3-VL as one type."""

from __future__ import annotations

from typing import TypeAlias

from omnipipe.tasks.text_extraction.qwen.api import QwenTextAPIConfig
from omnipipe.tasks.text_extraction.qwen.mlx import QwenTextMLXConfig
from omnipipe.tasks.text_extraction.qwen.pytorch import QwenTextPyTorchConfig
from omnipipe.tasks.text_extraction.qwen.vllm import QwenTextVLLMConfig

QwenTextBackendConfig: TypeAlias = QwenTextPyTorchConfig | QwenTextVLLMConfig | QwenTextMLXConfig | QwenTextAPIConfig
"""What `QwenTextExtractor(backend=...)` takes; any other config of the family does as well."""
