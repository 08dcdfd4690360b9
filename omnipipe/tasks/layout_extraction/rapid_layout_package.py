"""The other models of rapid-layout, through that package: it downloads them at their first use."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.tasks.layout_extraction.picodet import Found
from omnipipe.tasks.model_file import LAYOUT_CDLA

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image

# Without its dependencies: it asks for opencv-python, which writes over opencv-python-headless.
_INSTALL = f"pip install --no-deps {LAYOUT_CDLA.requirement} && pip install colorlog omegaconf requests tqdm"


class PackageModel:
    """One model of the package rapid-layout, loaded."""

    def __init__(self, model: str, confidence: float, overlap: float) -> None:
        """Load `model`; the package downloads it where it is not in its folder yet.

        Raises:
            MissingExtraError: The package is not installed.
            ConfigError: The model cannot be had.
        """
        if importlib.util.find_spec("rapid_layout") is None:
            raise MissingExtraError(f"The layout model {model}", "the package rapid-layout", _INSTALL)
        package: Any = importlib.import_module("rapid_layout")
        logging.getLogger("rapid_layout").setLevel(logging.ERROR)
        try:
            self._model = package.RapidLayout(model_type=model, conf_thresh=confidence, iou_thresh=overlap)
        except Exception as error:  # Whatever the package, its download and onnxruntime raise.
            raise ConfigError(
                f"the layout model {model} cannot be had ({type(error).__name__}: {str(error)[:120]}). "
                f"Use {LAYOUT_CDLA.name}, or try again with a network."
            ) from error

    def find(self, image: Image) -> tuple[Found, list[str]]:
        """The parts of `image`, grey or RGB, and the names of their classes."""
        import cv2

        code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
        answer = self._model(np.asarray(cv2.cvtColor(np.ascontiguousarray(image), code)))
        names = [str(name) for name in (answer.class_names if answer.class_names is not None else ())]
        boxes = np.asarray(answer.boxes if names else (), dtype=np.float32).reshape(-1, 4)
        height, width = image.shape[:2]
        shares = np.clip(boxes / np.array([width, height, width, height]), 0, 1).astype(np.float32)
        scores = np.asarray(answer.scores if names else (), dtype=np.float32).reshape(-1)
        return Found(shares, scores, np.arange(len(names))), names
