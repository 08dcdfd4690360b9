"""LightOnOCR: a picture without a word of prompt, and markdown back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from omnipipe.engines.api import APIConfig
from omnipipe.engines.llamacpp import LlamaCppConfig
from omnipipe.engines.mlx import MLXConfig
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Checkpoint, OutputFormat
from omnipipe.page import Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.blocks import block, ordered
from omnipipe.tasks.text_extraction.boxes import share_box
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.registry import refuses_others

# The bbox checkpoints write the place of a picture, in thousandths, behind its link.
_PLACED = re.compile(r"(!\[[^\[\]\n]*\]\([^()\s]*\))\s?(\d{1,4}),\s?(\d{1,4}),\s?(\d{1,4}),\s?(\d{1,4})\b")


class LightOnOCRText(PageFamily):
    """LightOnOCR 1 and 2 (model cards lightonai/LightOnOCR-1B-1025 and -2-1B, Apache-2.0).

    The grid is 28 pixels (patches of 14, merged two by two), pages are drawn at 200 dpi with 1,540 pixels on the longer
    side.
    """

    name: ClassVar[str] = "lighton_ocr"
    label: ClassVar[str] = "LightOnOCR"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("lightonai/LightOnOCR-2-1B", 1.0, "Apache-2.0", "mlx-community/LightOnOCR-2-1B-bf16"),
        Checkpoint("lightonai/LightOnOCR-2-1B-bbox", 1.0, "Apache-2.0"),
        Checkpoint("lightonai/LightOnOCR-1B-1025", 1.0, "Apache-2.0", "mlx-community/LightOnOCR-1B-1025-bf16"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(
        dpi=200, longest_side=1540, max_pixels=1540 * 1540, multiple_of=28, format="png"
    )
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(temperature=0.2, top_p=0.9, max_tokens=4096)
    prompts: ClassVar[Mapping[OutputFormat, str]] = {"markdown": ""}

    def read(self, said: str, page: Page) -> Answer:
        """The markdown as it is; places of pictures become blocks."""
        boxes = [share_box([float(number) for number in found[1:]], 1000, 1000) for found in _PLACED.findall(said)]
        return Answer(_PLACED.sub(r"\1", said), ordered((block("figure", "", box) for box in boxes), self.name))


class LightOnOCRTextExtractor(BaseTextExtractor):
    """`LightOnOCRTextExtractor(backend=LightOnOCRTextVLLMConfig()).extract(picture).content` is markdown."""

    family: ClassVar[type[LightOnOCRText]] = LightOnOCRText


class LightOnOCRTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for LightOnOCR text extraction."""

    family = LightOnOCRText()
    model: str = "lightonai/LightOnOCR-2-1B"


class LightOnOCRTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for LightOnOCR text extraction."""

    family = LightOnOCRText()
    model: str = "lightonai/LightOnOCR-2-1B"


class LightOnOCRTextMLXConfig(MLXConfig):
    """MLX backend configuration for LightOnOCR text extraction."""

    family = LightOnOCRText()
    model: str = "lightonai/LightOnOCR-2-1B"


class LightOnOCRTextAPIConfig(APIConfig):
    """API backend configuration for LightOnOCR text extraction."""

    family = LightOnOCRText()
    model: str = "lightonai/LightOnOCR-2-1B"


class LightOnOCRTextLlamaCppConfig(LlamaCppConfig):
    """llama.cpp backend configuration for LightOnOCR text extraction."""

    family = LightOnOCRText()


__getattr__ = refuses_others(__name__)
