"""The cascade: Tesseract where it reads well, RapidOCR for every page that it does not."""

from __future__ import annotations

from pydantic import Field

from omnipipe.config import Config
from omnipipe.tasks.ocr_extraction.picture import Picture
from omnipipe.tasks.ocr_extraction.rapidocr import RapidOCR, RapidOCRConfig
from omnipipe.tasks.ocr_extraction.result import OcrResult
from omnipipe.tasks.ocr_extraction.tesseract import Tesseract, TesseractConfig


def _first() -> TesseractConfig:
    return TesseractConfig(fix_rotation=False)


class FastOCRConfig(Config):
    """Settings of the cascade."""

    first: TesseractConfig = Field(default_factory=_first)
    second: RapidOCRConfig = Field(default_factory=RapidOCRConfig)
    min_confidence: float = Field(
        0.94, ge=0, le=1, description="Mean confidence (0 to 1) of Tesseract below which RapidOCR reads the page."
    )


class FastOCR:
    """Reads one picture at a time; `OcrResult.engine` says which engine's text it is."""

    def __init__(self, config: FastOCRConfig | None = None) -> None:
        """Cheap; models are loaded when a picture needs them.

        Raises:
            MissingExtraError: A package or language data are not installed.
        """
        self.config = config or FastOCRConfig()
        self._first = Tesseract(self.config.first)
        self._second = RapidOCR(self.config.second)

    @property
    def version(self) -> str:
        """Both engines and their versions."""
        return f"{self._first.version}, {self._second.version}"

    def load(self) -> None:
        """Load Tesseract now; RapidOCR is loaded by the first picture that needs it."""
        self._first.load()

    def extract(self, picture: Picture) -> OcrResult:
        """The text of `picture`.

        Raises:
            ValueError: `picture` is none of what `Picture` names.
        """
        result = self._first.extract(picture)
        return result if self.is_sure(result) else self._second.extract(picture)

    def is_sure(self, result: OcrResult) -> bool:
        """Whether Tesseract's reading is good enough to stand."""
        return (result.confidence or 0.0) >= self.config.min_confidence

    def close(self) -> None:
        """Free the models; the next picture loads them again."""
        self._first.close()
        self._second.close()
