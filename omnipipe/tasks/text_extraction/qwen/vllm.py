"""Qwen3-VL on the vLLM backend."""

from __future__ import annotations

from omnipipe.engines.vllm import VLLMConfig
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for Qwen text extraction."""

    family = QwenText()
    model: str = "Qwen/Qwen3-VL-8B-Instruct"
