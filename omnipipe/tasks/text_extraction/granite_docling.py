"""Granite-Docling: a small model that answers in DocTags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from omnipipe.engines.api import APIConfig
from omnipipe.engines.mlx import MLXConfig
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Checkpoint, OutputFormat
from omnipipe.page import Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.blocks import markdown_of, ordered
from omnipipe.tasks.text_extraction.doctags import blocks_of
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.registry import refuses_others


class GraniteDoclingText(PageFamily):
    """Granite-Docling (model cards ibm-granite/granite-docling-258M and its -mlx, Apache-2.0).

    The engine scales pictures to 2,048 pixels on the longer side and cuts tiles of 512, so there is no grid. The tags
    are tokens that the tokenizer calls special. Boxes count in 500ths of the page.
    """

    name: ClassVar[str] = "granite_docling"
    label: ClassVar[str] = "Granite-Docling"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("ibm-granite/granite-docling-258M", 0.26, "Apache-2.0", "ibm-granite/granite-docling-258M-mlx"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(dpi=144, longest_side=2048, max_pixels=2048 * 2048, format="png")
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "json", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(max_tokens=8192)
    keeps_special_tokens: ClassVar[bool] = True
    prompts: ClassVar[Mapping[OutputFormat, str]] = {"markdown": "Convert this page to docling."}

    def read(self, said: str, page: Page) -> Answer:
        """Blocks from the tags, and their text as markdown."""
        found, is_clean = blocks_of(said)
        blocks = ordered(found, self.name)
        return Answer(markdown_of(blocks), blocks, () if is_clean else ("unparsed",))


class GraniteDoclingTextExtractor(BaseTextExtractor):
    """`GraniteDoclingTextExtractor(backend=GraniteDoclingTextVLLMConfig()).extract(picture).content` is markdown."""

    family: ClassVar[type[GraniteDoclingText]] = GraniteDoclingText


class GraniteDoclingTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for Granite-Docling text extraction."""

    family = GraniteDoclingText()
    model: str = "ibm-granite/granite-docling-258M"


class GraniteDoclingTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for Granite-Docling text extraction."""

    family = GraniteDoclingText()
    model: str = "ibm-granite/granite-docling-258M"


class GraniteDoclingTextMLXConfig(MLXConfig):
    """MLX backend configuration for Granite-Docling text extraction."""

    family = GraniteDoclingText()
    model: str = "ibm-granite/granite-docling-258M"


class GraniteDoclingTextAPIConfig(APIConfig):
    """API backend configuration for Granite-Docling text extraction."""

    family = GraniteDoclingText()
    model: str = "ibm-granite/granite-docling-258M"


__getattr__ = refuses_others(__name__)
