"""RapidOCR: PP-OCR models that come inside its wheel. Holds on bad scans and needs nothing but pip."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from omnipipe.config import Config, operation
from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.tasks.ocr_extraction.alphabet import settled
from omnipipe.tasks.ocr_extraction.bullets import with_bullets
from omnipipe.tasks.ocr_extraction.compass import Compass
from omnipipe.tasks.ocr_extraction.doubt import LARGER, is_better, is_doubtful, softened, without_specks
from omnipipe.tasks.ocr_extraction.gutters import cut_at_gutters
from omnipipe.tasks.ocr_extraction.initials import with_initials
from omnipipe.tasks.ocr_extraction.languages import letters_of
from omnipipe.tasks.ocr_extraction.leaders import with_leaders
from omnipipe.tasks.ocr_extraction.lines import FoundLine, Quad, arrange, to_markdown
from omnipipe.tasks.ocr_extraction.orientation import confirmed, find_turn
from omnipipe.tasks.ocr_extraction.picture import Picture, to_array
from omnipipe.tasks.ocr_extraction.quality import quality_by_doubt
from omnipipe.tasks.ocr_extraction.recognition import Reading, Recogniser
from omnipipe.tasks.ocr_extraction.result import OcrResult, mean_confidence

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Image

_INSTALL = 'pip install "rapidocr>=3.10,<4" onnxruntime opencv-python-headless'
_MAX_SIDE = 16_000
"""OpenCV cuts lines only out of pictures with sides below 32,767 pixels."""
_MIN_SIDE = 64
"""The detector sees nothing in pictures smaller than 32 pixels."""
_TALL = 1.5
"""Times its width that a line's box is high before its text must run up or down the page."""
_LONE, _FEW = 3.0, 2
"""Times its width that the box of a few level letters is high at most, and how many these are: `1`, `I`, `ll`."""
_SURE = 0.85
"""Confidence of a guess from afar from which lines need not be asked, or only once: of 220 pages 187 have it, all
rightly; wrong ones have 0.77 at most, but for a page of Hebrew."""


class RapidOCRConfig(Config):
    """Settings of RapidOCR."""

    detection_pixels: int = Field(
        1_300_000, ge=4096, le=16_000_000, description="Pixels of the reduced picture in which lines are looked for."
    )
    min_confidence: float = Field(0.5, ge=0, le=1, description="Lines read with less confidence (0 to 1) are dropped.")
    languages: tuple[str, ...] = Field(
        (), description="Languages by Tesseract's names (eng, deu): doubtful letters that they lack are not taken."
    )
    fix_rotation: bool = Field(True, description="Turn pages that lie sideways or upside down before reading them.")
    orientation: Literal["auto", "model", "lines"] = Field(
        "auto",
        description="Which way up: by a model that `omnipipe doctor --fetch-models` brings and by the lines, or by the"
        " lines alone; auto takes the model if it is there.",
    )
    threads: int = operation(1, ge=1, description="Threads of a model; one process a core beats more threads.")

    @model_validator(mode="after")
    def _languages_are_known(self) -> Self:
        try:
            letters_of(self.languages)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self


class RapidOCR:
    """Reads one picture at a time, in one thread at a time. Never downloads: the models are those of the wheel."""

    def __init__(self, config: RapidOCRConfig | None = None) -> None:
        """Cheap; the models are loaded at the first picture (2 s, 0.4 GB).

        Raises:
            MissingExtraError: rapidocr, onnxruntime or OpenCV is not installed.
        """
        for module in ("rapidocr", "onnxruntime", "cv2"):
            if find_spec(module) is None:
                raise MissingExtraError("RapidOCR", module, _INSTALL)
        self.config = config or RapidOCRConfig()
        self._letters = letters_of(self.config.languages)
        self._engine: Any = None
        self._recogniser: Any = None
        self._compass: Compass | None = None
        self._model = ""

    @property
    def version(self) -> str:
        """`rapidocr` and its version."""
        return f"rapidocr {version('rapidocr')}"

    def load(self) -> None:
        """Load the models now.

        Raises:
            MissingExtraError: The wheel has no models inside (before 3.10 it had others).
        """
        if self._engine is not None:
            return
        import cv2

        if self.config.threads == 1:
            cv2.setNumThreads(1)
        engine_class = _import_quietly()
        models = _models()
        self._model = models["Rec"].stem
        params: dict[str, object] = {f"{part}.model_path": str(path) for part, path in models.items()}
        params |= {
            # It turns single upright lines upside down; pages are turned as a whole, by `find_turn`.
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "Global.use_preprocess_img": False,
            "Global.use_vertical_padding": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": 10**6,
            # Within their box lines of a page that bends are thin: their own outline is asked, which asks more of all.
            "Det.score_mode": "slow",
            "Det.box_thresh": 0.55,
            "EngineConfig.onnxruntime.intra_op_num_threads": self.config.threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
        self._recogniser = Recogniser(models["Rec"], self.config.threads)
        self._engine = engine_class(params=params)
        if self.config.fix_rotation and self._has_compass():
            self._compass = Compass(self.config.threads)

    def _has_compass(self) -> bool:
        return self.config.orientation == "model" or (self.config.orientation == "auto" and Compass.is_there())

    def close(self) -> None:
        """Free the models; the next picture loads them again."""
        self._engine = self._recogniser = self._compass = None

    def extract(self, picture: Picture) -> OcrResult:
        """The text of `picture`.

        Raises:
            ValueError: `picture` is none of what `Picture` names.
        """
        image = _within(to_array(picture))
        self.load()
        if self.config.fix_rotation:
            turn, image, quads = self._set_upright(image)
        else:
            turn, quads = 0, self._find_lines(image)
        height, width = image.shape[:2]
        found, quality = self._read_page(image, quads)
        lines, blocks = arrange(found, (width, height), "rapidocr")
        content = to_markdown(blocks)
        confidence = mean_confidence(lines)
        version = self.version
        return OcrResult(content, lines, blocks, confidence, turn, width, height, version, self._model, quality)

    def find_turn(self, picture: Picture) -> int:
        """Degrees clockwise (0, 90, 180, 270) by which `picture` must be turned to stand upright."""
        image = _within(to_array(picture))
        self.load()
        return self._set_upright(image)[0]

    def _set_upright(self, image: Image) -> tuple[int, Image, list[Quad]]:
        """The turn that sets `image` upright, `image` so turned, and its lines."""
        guess = self._compass.guess(image) if self._compass else None
        is_sure = guess is not None and guess.confidence >= _SURE
        if guess and is_sure:
            upright = turned(image, guess.turn)
            quads = self._find_lines(upright)
            turn: int | None = 0
            if guess.turn:
                turn = confirmed(guess.turn, quads, lambda quad: _cut(upright, quad), self._confidence)
            if turn == guess.turn:
                return turn, upright, quads
        quads = self._find_lines(image)
        turn = find_turn(
            quads,
            lambda quad: _cut(image, quad),
            self._is_upside_down,
            self._confidence,
            guess.turn if guess else None,
        )
        if turn:
            image = turned(image, turn)
            quads = self._find_lines(image)
        return turn, image, quads

    def _confidence(self, crop: Image) -> float:
        return float(self._recogniser.read(crop).confidence)

    def _find_lines(self, image: Image) -> list[Quad]:
        import cv2
        import numpy as np

        height, width = image.shape[:2]
        scale = min(1.0, math.sqrt(self.config.detection_pixels / (height * width)))
        small = image
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        below, beside = (max(0, _MIN_SIDE - side) for side in small.shape[:2])
        if below or beside:
            padded = cv2.copyMakeBorder(small, 0, below, 0, beside, cv2.BORDER_REPLICATE)
            small = np.asarray(padded, dtype=np.uint8)
        answer = self._engine(_bgr(small), use_det=True, use_cls=False, use_rec=False)
        if answer.boxes is None:
            return []
        boxes = np.minimum(np.asarray(answer.boxes, dtype=float) / scale, [width, height])
        return [tuple((float(x), float(y)) for x, y in box) for box in boxes]  # type: ignore[misc]

    def _read_page(self, image: Image, quads: Sequence[Quad]) -> tuple[list[FoundLine], float | None]:
        """The page's lines, and its quality."""
        found = self._read_lines(image, quads)
        kept = self._kept(found)
        if is_doubtful(found, image):
            softer = softened(image)
            again = [_smaller(line) for line in self._read_lines(softer, self._find_lines(softer))]
            if is_better(self._kept(again), kept):
                found, kept = again, self._kept(again)
        kept = cut_at_gutters(
            without_specks(kept),
            lambda quad: _cut(image, quad),
            lambda halves: self._kept(self._read_lines(image, halves)),
        )
        kept = with_leaders(kept, lambda quad: _cut(image, quad))
        kept = with_bullets(image, with_initials(image, kept, self._recogniser.read))
        return kept, quality_by_doubt(found) if kept else None

    def _read_lines(self, image: Image, quads: Sequence[Quad]) -> list[FoundLine]:
        readings = [self._read_line(image, quad) for quad in quads]
        texts = [" ".join(text.split()) for text in settled(readings, self._letters)]
        return [
            FoundLine(text, reading.confidence, quad, reading.num_doubtful)
            for text, reading, quad in zip(texts, readings, quads, strict=True)
            if text
        ]

    def _read_line(self, image: Image, quad: Quad) -> Reading:
        """A line; one in a tall box the way in which it reads best: downwards, upwards, or level where it is short."""
        crop = _cut(image, quad)
        reading: Reading = self._recogniser.read(crop)
        across, down = _size(quad)
        if down < _TALL * across:
            return reading
        if down < _LONE * across and len(reading.text) <= _FEW:
            level: Reading = self._recogniser.read(crop.swapaxes(0, 1)[:, ::-1])
            if level.confidence >= self.config.min_confidence:
                return level
        if reading.confidence >= _SURE:
            # Upside down lines are read with 0.35 to 0.8.
            return reading
        upwards: Reading = self._recogniser.read(crop[::-1, ::-1])
        return max(reading, upwards, key=lambda found: found.confidence)

    def _kept(self, found: Sequence[FoundLine]) -> list[FoundLine]:
        return [line for line in found if line.confidence >= self.config.min_confidence]

    def _is_upside_down(self, crop: Image) -> bool:
        answer = self._engine(_bgr(crop), use_det=False, use_cls=True, use_rec=False)
        return bool(answer.cls_res) and "180" in answer.cls_res[0][0]


def _smaller(line: FoundLine) -> FoundLine:
    """A line of the softened picture at its place in the first one."""
    a, b, c, d = ((x / LARGER, y / LARGER) for x, y in line.corners)
    return line._replace(corners=(a, b, c, d))


def turned(image: Image, degrees: int) -> Image:
    """`image` turned clockwise by `degrees` (0, 90, 180 or 270)."""
    import numpy as np

    return np.ascontiguousarray(np.rot90(image, -degrees // 90))


def _within(image: Image) -> Image:
    import cv2
    import numpy as np

    scale = _MAX_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _cut(image: Image, quad: Quad) -> Image:
    """The line at `quad`, level; tall ones are laid down counter-clockwise."""
    import cv2
    import numpy as np

    width, height = _size(quad)
    onto = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(quad, dtype=np.float32), onto)
    cut = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    crop = np.asarray(cut, dtype=np.uint8)
    return np.rot90(crop) if height >= _TALL * width else crop


def _size(quad: Quad) -> tuple[int, int]:
    """Whole pixels that the line at `quad` is wide and high."""
    a, b, c, d = quad
    width = max(1, int(max(math.dist(a, b), math.dist(c, d))))
    height = max(1, int(max(math.dist(a, d), math.dist(b, c))))
    return width, height


def _bgr(image: Image) -> Image:
    import cv2
    import numpy as np

    code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), code), dtype=np.uint8)


def _import_quietly() -> Any:
    """RapidOCR's class; the log handler that its import installs is taken away again."""
    logger = logging.getLogger("RapidOCR")
    before = list(logger.handlers)
    from rapidocr import RapidOCR as Engine

    for handler in [handler for handler in logger.handlers if handler not in before]:
        logger.removeHandler(handler)
    return Engine


def _models() -> dict[str, Path]:
    """The model files inside the wheel: a path stops RapidOCR from looking for them, and so from downloading."""
    spec = find_spec("rapidocr")
    folder = Path((spec.origin if spec else None) or "").parent / "models"
    found = {
        part: sorted(folder.glob(pattern))
        for part, pattern in {"Det": "*_det_*.onnx", "Rec": "*_rec_*.onnx", "Cls": "*_cls_*.onnx"}.items()
    }
    if not all(found.values()):
        raise MissingExtraError("RapidOCR", "the models of rapidocr 3.10", f"{_INSTALL} --force-reinstall")
    return {part: paths[0] for part, paths in found.items()}
