"""Tesseract through tesserocr: three times faster than RapidOCR on clean pages, lost on bad ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from omnipipe.config import Config
from omnipipe.errors import MissingExtraError
from omnipipe.tasks.ocr_extraction.lines import FoundLine, Quad, arrange, to_markdown
from omnipipe.tasks.ocr_extraction.picture import Picture, to_array
from omnipipe.tasks.ocr_extraction.quality import quality_by_confidence
from omnipipe.tasks.ocr_extraction.result import OcrResult, mean_confidence

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Image

_PLACES = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "/opt/local/share/tessdata",
)
"""Debian and Ubuntu, Fedora and Arch, builds from source and Homebrew on Intel, Homebrew, MacPorts."""
_MAX_SIDE = 30_000
"""Tesseract refuses pictures with a side above 32,767 pixels."""


class TesseractConfig(Config):
    """Settings of Tesseract."""

    languages: tuple[str, ...] = Field(
        ("eng",), min_length=1, description="Language data to read with, by Tesseract's names: eng, deu, fra, chi_sim."
    )
    dpi: int = Field(200, ge=70, le=2400, description="Dots per inch that Tesseract assumes of the picture.")
    min_confidence: float = Field(0.3, ge=0, le=1, description="Lines read with less confidence (0 to 1) are dropped.")
    fix_rotation: bool = Field(
        True, description="Let RapidOCR's detector look for the right way up of pages that read badly."
    )
    doubtful: float = Field(
        0.75, ge=0, le=1, description="Mean confidence (0 to 1) below which the page's direction is looked into."
    )


class Tesseract:
    """Reads one picture at a time, in one thread."""

    def __init__(self, config: TesseractConfig | None = None) -> None:
        """Cheap; the language data are loaded at the first picture.

        Raises:
            MissingExtraError: tesserocr or the data of a language is not installed.
        """
        self.config = config or TesseractConfig()
        if find_spec("tesserocr") is None:
            raise MissingExtraError("Tesseract", "tesserocr", 'pip install "omnipipe[tesseract]"')
        self._tessdata = find_tessdata(self.config.languages)
        self._api: Any = None
        self._turner: Any = None

    @property
    def version(self) -> str:
        """`tesseract` and its version."""
        import tesserocr

        return f"tesseract {tesserocr.tesseract_version().split()[1]} (tesserocr {version('tesserocr')})"

    def load(self) -> None:
        """Load the language data now."""
        if self._api is not None:
            return
        import tesserocr

        self._api = tesserocr.PyTessBaseAPI(
            path=str(self._tessdata), lang="+".join(self.config.languages), psm=tesserocr.PSM.AUTO
        )
        self._api.SetVariable("debug_file", os.devnull)
        # Light text on dark ground is rare on scans, and looking for it takes up to a fifth of the time.
        self._api.SetVariable("tessedit_do_invert", "0")

    def close(self) -> None:
        """Free the model; the next picture loads it again."""
        if self._api is not None:
            self._api.End()
        self._api = self._turner = None

    def extract(self, picture: Picture) -> OcrResult:
        """The text of `picture`.

        Raises:
            ValueError: `picture` is none of what `Picture` names.
        """
        image = to_array(picture)
        result = self._read(image, 0)
        if not self.config.fix_rotation or (result.confidence or 0.0) >= self.config.doubtful:
            return result
        turn = self._find_turn(image)
        return self._read(image, turn) if turn else result

    def _find_turn(self, image: Image) -> int:
        from omnipipe.tasks.ocr_extraction.rapidocr import RapidOCR

        if self._turner is None:
            self._turner = RapidOCR()
        return int(self._turner.find_turn(image))

    def _read(self, image: Image, turn: int) -> OcrResult:
        import numpy as np
        from PIL import Image as Pillow

        self.load()
        upright = Pillow.fromarray(np.ascontiguousarray(np.rot90(image, -turn // 90))).convert("L")
        width, height = upright.size
        found: list[FoundLine] = []
        if min(width, height) > 2 and max(width, height) < _MAX_SIDE:
            self._api.SetImage(upright)
            self._api.SetSourceResolution(self.config.dpi)
            found = list(self._lines())
            self._api.Clear()
        # What is dropped counts as well: noise in the picture says that the rest is not to be trusted.
        confidence = mean_confidence(found)
        kept = [line for line in found if line.confidence >= self.config.min_confidence]
        lines, blocks = arrange(kept, (width, height), "tesseract")
        content = to_markdown(blocks)
        model = "+".join(self.config.languages)
        return OcrResult(
            content,
            lines,
            blocks,
            confidence if lines else None,
            turn,
            width,
            height,
            self.version,
            model,
            quality_by_confidence(confidence) if lines else None,
        )

    def _lines(self) -> Iterator[FoundLine]:
        import tesserocr

        if not self._api.Recognize():
            return
        level = tesserocr.RIL.TEXTLINE
        for line in tesserocr.iterate_level(self._api.GetIterator(), level):
            box = line.BoundingBox(level)
            text = " ".join((line.GetUTF8Text(level) or "").split()) if box else ""
            if text:
                yield FoundLine(text, line.Confidence(level) / 100, _corners(box, line.Baseline(level)))


def _corners(box: tuple[int, int, int, int], baseline: tuple[tuple[int, int], tuple[int, int]] | None) -> Quad:
    """The corners of a line in an upright `box`, which is too high where the line slopes as its `baseline` says."""
    x0, y0, x1, y1 = map(float, box)
    rise = 0.0
    if baseline is not None and baseline[1][0] > baseline[0][0]:
        slope = (baseline[1][1] - baseline[0][1]) / (baseline[1][0] - baseline[0][0])
        rise = max(-0.7, min(0.7, slope * (x1 - x0) / (y1 - y0) if y1 > y0 else 0.0)) * (y1 - y0)
    down, up = max(0.0, rise), max(0.0, -rise)
    return (x0, y0 + up), (x1, y0 + down), (x1, y1 - up), (x0, y1 - down)


def find_tessdata(languages: Sequence[str] = ("eng",)) -> Path:
    """The folder that has the data of all `languages`.

    Raises:
        MissingExtraError: There is none; the message has the commands that install them.
    """
    prefix = os.environ.get("TESSDATA_PREFIX")
    given = [Path(prefix), Path(prefix) / "tessdata"] if prefix else []
    for folder in [*given, *map(Path, _PLACES), Path(sys.prefix) / "share" / "tessdata"]:
        if all((folder / f"{language}.traineddata").is_file() for language in languages):
            return folder
    packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in languages)
    raise MissingExtraError(
        "Tesseract",
        f"the language data of {', '.join(languages)}",
        f"apt-get install {packages} (Debian, Ubuntu) or brew install tesseract tesseract-lang (macOS),"
        " or set TESSDATA_PREFIX to the folder that has them",
    )
