"""PaddleOCR-VL, as far as it reads a page in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from omnipipe.engines.api import APIConfig
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Checkpoint, OutputFormat
from omnipipe.page import Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.answer import with_dollars
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.registry import refuses_others


class PaddleOCRVLText(PageFamily):
    """PaddleOCR-VL (model cards PaddlePaddle/PaddleOCR-VL and -1.5, Apache-2.0; vLLM's recipe).

    The model reads parts that a layout model has cut out, one call each; asked for a whole page with `OCR:` it gives
    its lines without headings, and of tables the words only. The grid is 28 pixels, at most 1,536 x 1,536 of them.
    MinerU2.5 needs a call for the layout and one for each part, so that it is no family here.
    """

    name: ClassVar[str] = "paddleocr_vl"
    label: ClassVar[str] = "PaddleOCR-VL"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("PaddlePaddle/PaddleOCR-VL", 0.96, "Apache-2.0"),
        Checkpoint("PaddlePaddle/PaddleOCR-VL-1.5", 0.96, "Apache-2.0"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(
        dpi=150, longest_side=2800, max_pixels=1536 * 1536, multiple_of=28, format="jpeg", quality=90
    )
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(max_tokens=4096)
    prompts: ClassVar[Mapping[OutputFormat, str]] = {"markdown": "OCR:"}

    def read(self, said: str, page: Page) -> Answer:
        """The lines as they are."""
        return Answer(with_dollars(said))


class PaddleOCRVLTextExtractor(BaseTextExtractor):
    """`PaddleOCRVLTextExtractor(backend=PaddleOCRVLTextVLLMConfig()).extract(picture).content` is text."""

    family: ClassVar[type[PaddleOCRVLText]] = PaddleOCRVLText


class PaddleOCRVLTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for PaddleOCR-VL text extraction."""

    family = PaddleOCRVLText()
    model: str = "PaddlePaddle/PaddleOCR-VL"


class PaddleOCRVLTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for PaddleOCR-VL text extraction."""

    family = PaddleOCRVLText()
    model: str = "PaddlePaddle/PaddleOCR-VL"


class PaddleOCRVLTextAPIConfig(APIConfig):
    """API backend configuration for PaddleOCR-VL text extraction."""

    family = PaddleOCRVLText()
    model: str = "PaddlePaddle/PaddleOCR-VL"


__getattr__ = refuses_others(__name__)
