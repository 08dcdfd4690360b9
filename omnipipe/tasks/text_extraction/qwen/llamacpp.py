"""Qwen3-VL on the llama.cpp backend."""

from __future__ import annotations

from omnipipe.engines.llamacpp import LlamaCppConfig
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextLlamaCppConfig(LlamaCppConfig):
    """llama.cpp backend configuration for Qwen text extraction."""

    family = QwenText()
