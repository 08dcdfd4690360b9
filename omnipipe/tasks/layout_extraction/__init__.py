"""Models that find the parts of a page: `RapidLayout().extract(picture).blocks`, `DocLayoutYOLO(config=...)`.

Importing this loads no library; a model is loaded at its first picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.tasks.lazy import loads

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.doc_layout_yolo import DocLayoutYOLO, DocLayoutYOLOConfig
    from omnipipe.tasks.layout_extraction.rapid_layout import RapidLayout, RapidLayoutConfig
    from omnipipe.tasks.layout_extraction.result import LayoutResult

__all__ = ["DocLayoutYOLO", "DocLayoutYOLOConfig", "LayoutResult", "RapidLayout", "RapidLayoutConfig"]

_MODULES = {
    "DocLayoutYOLO": "doc_layout_yolo",
    "DocLayoutYOLOConfig": "doc_layout_yolo",
    "LayoutResult": "result",
    "RapidLayout": "rapid_layout",
    "RapidLayoutConfig": "rapid_layout",
}

__getattr__, __dir__ = loads(__name__, _MODULES)
