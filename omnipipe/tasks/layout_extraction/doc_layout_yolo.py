"""DocLayout-YOLO: titles, text, tables, figures and formulas of a page, with their boxes.

The package and its weights are AGPL-3.0, so they are an extra of their own that nothing else imports.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from omnipipe.config import Config, operation
from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.page import Block
from omnipipe.tasks.layout_extraction.result import LayoutResult

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Picture

_WEIGHTS = "doclayout_yolo_docstructbench_imgsz1024.pt"

_KINDS: Mapping[str, str] = {
    "title": "title",
    "plain text": "text",
    "figure": "figure",
    "figure_caption": "caption",
    "table": "table",
    "table_caption": "caption",
    "table_footnote": "footnote",
    "isolate_formula": "formula",
    "formula_caption": "caption",
}
_FURNITURE = "abandon"
"""The model's class for running heads, running feet and page numbers."""


class DocLayoutYOLOConfig(Config):
    """Which weights find the parts, where they are computed, and how sure the model has to be."""

    model: str = Field(
        "juliozhao/DocLayout-YOLO-DocStructBench",
        min_length=1,
        description="A .pt file, or a model id on the hub. Such a file can run code: take it from where you trust.",
    )
    confidence: float = Field(0.25, ge=0, le=1, description="Parts that the model is less sure of are left out.")
    image_size: int = Field(1024, ge=32, le=4096, description="Pixels of the longer side that the model looks at.")
    device: Literal["auto", "cuda", "mps", "cpu"] = operation(
        "auto", description="Where the model computes; auto takes a GPU if there is one."
    )


class DocLayoutYOLO:
    """Finds the parts of one page at a time; the model is loaded at the first picture, or by `load`."""

    def __init__(self, config: DocLayoutYOLOConfig | None = None) -> None:
        self.config = config if config is not None else DocLayoutYOLOConfig()
        self._model: Any = None
        self._device: str = self.config.device

    def load(self) -> None:
        """Load the model now.

        Raises:
            MissingExtraError: doclayout-yolo is not installed.
            ConfigError: The weights cannot be had, or are none; or the device is not there.
        """
        if self._model is not None:
            return
        if importlib.util.find_spec("doclayout_yolo") is None:
            raise MissingExtraError("DocLayoutYOLO", "doclayout-yolo", "pip install omnipipe[layout-yolo]")
        self._device = _device(self.config.device)
        weights = _weights(self.config.model)
        package: Any = importlib.import_module("doclayout_yolo")
        try:
            self._model = package.YOLOv10(str(weights))
        except Exception as error:  # Pickles of any kind fail in any way.
            raise ConfigError(
                f"model={self.config.model} cannot be loaded: {str(error)[:200]}. Give the weights of a DocLayout-YOLO."
            ) from error

    def extract(self, picture: Picture) -> LayoutResult:
        """The parts of `picture`.

        Raises:
            MissingExtraError: doclayout-yolo is not installed.
            ConfigError: The weights cannot be had.
            ValueError: `picture` is none of what `Picture` names.
        """
        from PIL import Image

        from omnipipe.tasks.ocr_extraction.picture import to_array

        image = Image.fromarray(to_array(picture)).convert("RGB")
        self.load()
        (found,) = self._model.predict(
            image, imgsz=self.config.image_size, conf=self.config.confidence, device=self._device, verbose=False
        )
        blocks = to_blocks(
            found.names,
            found.boxes.xyxyn.tolist(),
            [int(number) for number in found.boxes.cls.tolist()],
            found.boxes.conf.tolist(),
            confidence=self.config.confidence,
        )
        return LayoutResult(blocks, *image.size, self.config.model)

    def close(self) -> None:
        """Free the model; the next picture loads it again."""
        self._model = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def to_blocks(
    names: Mapping[int, str],
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    scores: Sequence[float],
    *,
    confidence: float,
) -> tuple[Block, ...]:
    """What the model found as blocks, from top to bottom and from left to right.

    `boxes` are x0, y0, x1, y1 as shares of the page, `classes` numbers in `names`, `scores` 0 to 1. Boxes without area
    and those below `confidence` are left out; a class that is not known keeps its name.
    """
    found = []
    for box, number, score in zip(boxes, classes, scores, strict=True):
        x0, y0, x1, y1 = (min(1.0, max(0.0, share)) for share in box)
        if score < confidence or x1 <= x0 or y1 <= y0:
            continue
        name = names.get(number, str(number))
        kind = ("header" if y0 + y1 < 1 else "footer") if name == _FURNITURE else _KINDS.get(name, name)
        found.append(Block(kind, (x0, y0, x1, y1), 0, None, "", None, min(1.0, score), "doc_layout_yolo"))
    found.sort(key=lambda block: (block.bbox[1], block.bbox[0]) if block.bbox else (0.0, 0.0))
    return tuple(block._replace(order=order) for order, block in enumerate(found))


def _device(asked: str) -> str:
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there[asked]:
        raise ConfigError(f"device={asked} is not there. Use device=cpu, or auto.")
    return asked


def _weights(model: str) -> Path:
    place = Path(model).expanduser()
    if place.is_file():
        return place
    if model.endswith(".pt") or model.count("/") != 1:
        raise ConfigError(f"there is no file {model}. Give a .pt file, or a model id on the hub.")
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        return Path(hub.hf_hub_download(model, _WEIGHTS))
    except Exception as error:  # Whatever the hub and the network raise.
        raise ConfigError(
            f"model={model}: {_WEIGHTS} cannot be had from the hub ({type(error).__name__}). Give its file as model."
        ) from error
