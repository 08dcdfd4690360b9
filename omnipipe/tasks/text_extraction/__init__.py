"""Models that read pages: `QwenTextExtractor(backend=QwenTextVLLMConfig(...)).extract(picture).content`, and others.

Importing this loads no engine; a model is loaded at the first picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.tasks.lazy import loads

if TYPE_CHECKING:
    from omnipipe.tasks.text_extraction.deepseek_ocr import DeepSeekOCRTextExtractor
    from omnipipe.tasks.text_extraction.dots_ocr import DotsOCRTextExtractor
    from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
    from omnipipe.tasks.text_extraction.granite_docling import GraniteDoclingTextExtractor
    from omnipipe.tasks.text_extraction.lighton_ocr import LightOnOCRTextExtractor
    from omnipipe.tasks.text_extraction.nanonets import NanonetsTextExtractor
    from omnipipe.tasks.text_extraction.olmocr import OlmOCRTextExtractor
    from omnipipe.tasks.text_extraction.paddleocr_vl import PaddleOCRVLTextExtractor
    from omnipipe.tasks.text_extraction.qwen.extractor import QwenTextExtractor
    from omnipipe.tasks.text_extraction.result import TextFormat, TextResult

__all__ = [
    "BaseTextExtractor",
    "DeepSeekOCRTextExtractor",
    "DotsOCRTextExtractor",
    "GraniteDoclingTextExtractor",
    "LightOnOCRTextExtractor",
    "NanonetsTextExtractor",
    "OlmOCRTextExtractor",
    "PaddleOCRVLTextExtractor",
    "QwenTextExtractor",
    "TextFormat",
    "TextResult",
]

__getattr__, __dir__ = loads(
    __name__,
    {
        "BaseTextExtractor": "extractor",
        "DeepSeekOCRTextExtractor": "deepseek_ocr",
        "DotsOCRTextExtractor": "dots_ocr",
        "GraniteDoclingTextExtractor": "granite_docling",
        "LightOnOCRTextExtractor": "lighton_ocr",
        "NanonetsTextExtractor": "nanonets",
        "OlmOCRTextExtractor": "olmocr",
        "PaddleOCRVLTextExtractor": "paddleocr_vl",
        "QwenTextExtractor": "qwen.extractor",
        "TextFormat": "result",
        "TextResult": "result",
    },
)
