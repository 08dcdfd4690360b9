"""Qwen3-VL on the MLX backend."""

from __future__ import annotations

from omnipipe.engines.mlx import MLXConfig
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextMLXConfig(MLXConfig):
    """MLX backend configuration for Qwen text extraction."""

    family = QwenText()
    model: str = "Qwen/Qwen3-VL-2B-Instruct"
