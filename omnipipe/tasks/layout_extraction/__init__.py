"""Models that find the parts of a page: `DocLayoutYOLO(config=DocLayoutYOLOConfig(...)).extract(picture).blocks`.

Importing this loads no library; a model is loaded at its first picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.tasks.lazy import loads

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.doc_layout_yolo import DocLayoutYOLO, DocLayoutYOLOConfig, LayoutResult

__all__ = ["DocLayoutYOLO", "DocLayoutYOLOConfig", "LayoutResult"]

__getattr__, __dir__ = loads(__name__, dict.fromkeys(__all__, "doc_layout_yolo"))
