"""Qwen3-VL: `QwenTextExtractor(backend=QwenTextVLLMConfig(...))`. Importing this loads no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.tasks.lazy import loads

if TYPE_CHECKING:
    from omnipipe.tasks.text_extraction.qwen.api import QwenTextAPIConfig
    from omnipipe.tasks.text_extraction.qwen.backend import QwenTextBackendConfig
    from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
    from omnipipe.tasks.text_extraction.qwen.extractor import QwenTextExtractor
    from omnipipe.tasks.text_extraction.qwen.family import QwenText
    from omnipipe.tasks.text_extraction.qwen.llamacpp import QwenTextLlamaCppConfig
    from omnipipe.tasks.text_extraction.qwen.mlx import QwenTextMLXConfig
    from omnipipe.tasks.text_extraction.qwen.pytorch import QwenTextPyTorchConfig
    from omnipipe.tasks.text_extraction.qwen.vllm import QwenTextVLLMConfig

__all__ = [
    "QwenText",
    "QwenTextAPIConfig",
    "QwenTextBackendConfig",
    "QwenTextEchoConfig",
    "QwenTextExtractor",
    "QwenTextLlamaCppConfig",
    "QwenTextMLXConfig",
    "QwenTextPyTorchConfig",
    "QwenTextVLLMConfig",
]

__getattr__, __dir__ = loads(
    __name__,
    {
        "QwenText": "family",
        "QwenTextAPIConfig": "api",
        "QwenTextBackendConfig": "backend",
        "QwenTextEchoConfig": "echo",
        "QwenTextExtractor": "extractor",
        "QwenTextLlamaCppConfig": "llamacpp",
        "QwenTextMLXConfig": "mlx",
        "QwenTextPyTorchConfig": "pytorch",
        "QwenTextVLLMConfig": "vllm",
    },
)
