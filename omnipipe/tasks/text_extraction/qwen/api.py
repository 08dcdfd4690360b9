"""Qwen3-VL on the API backend."""

from __future__ import annotations

from omnipipe.engines.api import APIConfig
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextAPIConfig(APIConfig):
    """API backend configuration for Qwen text extraction."""

    family = QwenText()
    model: str = "Qwen/Qwen3-VL-8B-Instruct"
