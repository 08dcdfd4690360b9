"""Qwen3-VL on the PyTorch backend."""

from __future__ import annotations

from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for Qwen text extraction."""

    family = QwenText()
    model: str = "Qwen/Qwen3-VL-2B-Instruct"
