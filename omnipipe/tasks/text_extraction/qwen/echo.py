"""Qwen3-VL on the Echo backend."""

from __future__ import annotations

from omnipipe.engines.echo import EchoConfig
from omnipipe.tasks.text_extraction.qwen.family import QwenText


class QwenTextEchoConfig(EchoConfig):
    """Echo backend configuration for Qwen text extraction: no model, for tests."""

    family = QwenText()
