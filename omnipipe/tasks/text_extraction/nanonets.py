"""Nanonets-OCR2: markdown with tags for page numbers, watermarks, signatures and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from omnipipe.engines.api import APIConfig
from omnipipe.engines.mlx import MLXConfig
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Checkpoint, OutputFormat
from omnipipe.page import Block, Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.blocks import block, ordered
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.registry import refuses_others

# The words that the model was trained with.
_PROMPT = (
    "Extract the text from the above document as if you were reading it naturally. Return the tables in html format."
    " Return the equations in LaTeX representation. If there is an image in the document and image caption is not"
    " present, add a small description of the image inside the <img></img> tag; otherwise, add the image caption inside"
    " <img></img>. Watermarks should be wrapped in brackets. Ex: <watermark>OFFICIAL COPY</watermark>. Page numbers"
    " should be wrapped in brackets. Ex: <page_number>14</page_number> or <page_number>9/22</page_number>. Prefer using"
    " ☐ and ☑ for check boxes."
)

_FURNITURE = re.compile(r"<(page_number|watermark)>((?:(?!<\1>).)*?)</\1>[ \t]*\n?", re.DOTALL)
_PICTURE = re.compile(r"<img>((?:(?!<img>).)*?)</img>", re.DOTALL)
_SIGNATURE = re.compile(r"</?signature>")
_KINDS: Mapping[str, str] = {"page_number": "footer", "watermark": "watermark"}
_GAPS = re.compile(r"\n{3,}")


class NanonetsText(PageFamily):
    """Nanonets-OCR2 (model card nanonets/Nanonets-OCR2-3B; the licence is that of Qwen2.5-VL-3B, for research).

    Fine-tuned from Qwen2.5-VL: the grid is 28 pixels. Page numbers and watermarks become blocks and leave the text;
    pictures become links with their description.
    """

    name: ClassVar[str] = "nanonets"
    label: ClassVar[str] = "Nanonets-OCR2"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("nanonets/Nanonets-OCR2-3B", 3.8, "Qwen Research", "mlx-community/Nanonets-OCR2-3B-4bit"),
        Checkpoint("nanonets/Nanonets-OCR2-1.5B-exp", 2.2, "unstated"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(
        dpi=150, longest_side=2800, max_pixels=3_200_000, multiple_of=28, format="jpeg", quality=90
    )
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(max_tokens=15000)
    prompts: ClassVar[Mapping[OutputFormat, str]] = {"markdown": _PROMPT}

    def read(self, said: str, page: Page) -> Answer:
        """The markdown without its tags."""
        kept: list[Block] = []

        def take_out(found: re.Match[str]) -> str:
            kept.append(block(_KINDS[found[1]], found[2], None))
            return ""

        text = _SIGNATURE.sub("", _FURNITURE.sub(take_out, said))
        text = _PICTURE.sub(lambda found: f"![{' '.join(found[1].split())}]()", text)
        return Answer(_GAPS.sub("\n\n", text).strip() if kept else text, ordered(kept, self.name))


class NanonetsTextExtractor(BaseTextExtractor):
    """`NanonetsTextExtractor(backend=NanonetsTextVLLMConfig()).extract(picture).content` is the page as markdown."""

    family: ClassVar[type[NanonetsText]] = NanonetsText


class NanonetsTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for Nanonets-OCR2 text extraction."""

    family = NanonetsText()
    model: str = "nanonets/Nanonets-OCR2-3B"


class NanonetsTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for Nanonets-OCR2 text extraction."""

    family = NanonetsText()
    model: str = "nanonets/Nanonets-OCR2-3B"
    max_model_len: int = 20480


class NanonetsTextMLXConfig(MLXConfig):
    """MLX backend configuration for Nanonets-OCR2 text extraction."""

    family = NanonetsText()
    model: str = "nanonets/Nanonets-OCR2-3B"


class NanonetsTextAPIConfig(APIConfig):
    """API backend configuration for Nanonets-OCR2 text extraction."""

    family = NanonetsText()
    model: str = "nanonets/Nanonets-OCR2-3B"


__getattr__ = refuses_others(__name__)
