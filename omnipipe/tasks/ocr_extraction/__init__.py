"""OCR engines for one picture at a time: `RapidOCR().extract(image)`, `Tesseract().extract(image)`, `FastOCR()`.

Importing this loads no engine; an engine's model is loaded at its first picture.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.fast import FastOCR, FastOCRConfig
    from omnipipe.tasks.ocr_extraction.picture import Picture
    from omnipipe.tasks.ocr_extraction.rapidocr import RapidOCR, RapidOCRConfig
    from omnipipe.tasks.ocr_extraction.result import OcrEngine, OcrResult
    from omnipipe.tasks.ocr_extraction.tesseract import Tesseract, TesseractConfig

__all__ = [
    "FastOCR",
    "FastOCRConfig",
    "OcrEngine",
    "OcrResult",
    "Picture",
    "RapidOCR",
    "RapidOCRConfig",
    "Tesseract",
    "TesseractConfig",
]

_MODULES = {
    "FastOCR": "fast",
    "FastOCRConfig": "fast",
    "OcrEngine": "result",
    "OcrResult": "result",
    "Picture": "picture",
    "RapidOCR": "rapidocr",
    "RapidOCRConfig": "rapidocr",
    "Tesseract": "tesseract",
    "TesseractConfig": "tesseract",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
