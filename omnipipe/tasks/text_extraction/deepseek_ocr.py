"""DeepSeek-OCR: markdown in parts, each below a mark that says what it is and where."""

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
from omnipipe.tasks.text_extraction.answer import with_dollars
from omnipipe.tasks.text_extraction.blocks import block, markdown_of, ordered
from omnipipe.tasks.text_extraction.boxes import around, share_box
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.markup import text_of
from omnipipe.tasks.text_extraction.registry import refuses_others

_KINDS: Mapping[str, str] = {
    "title": "title",
    "sub_title": "title",
    "image": "figure",
    "image_caption": "caption",
    "table": "table",
    "table_caption": "caption",
    "table_footnote": "footnote",
    "equation": "formula",
    "formula": "formula",
    "header": "header",
    "footer": "footer",
    "page_number": "footer",
    "page_footnote": "footnote",
    "code": "code",
    "list": "list",
}

# The second form is what is left where the engine dropped special tokens.
_MARK = re.compile(
    r"<\|ref\|>(?P<label>[^<>\n]{1,80})<\|/ref\|>\s*<\|det\|>(?P<boxes>\[[\d\s.,\[\]]*\])<\|/det\|>"
    r"|^(?P<bare>[a-z_]{3,20})(?P<bare_boxes>\[\[\d+(?:, ?\d+){3}\](?:, ?\[\d+(?:, ?\d+){3}\])*\])[ \t]*$",
    re.MULTILINE,
)
_STRAY = re.compile(r"<\|/?(?:ref|det|grounding)\|>")
_BOX = re.compile(r"\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]")


class DeepSeekOCRText(PageFamily):
    """DeepSeek-OCR and DeepSeek-OCR-2 (model cards of those names, MIT and Apache-2.0; vLLM's recipes for both).

    A picture is seen as a whole at 1,024 pixels and in tiles of 640 or 768 that the engine cuts, so there is no grid;
    the authors draw pages at 144 dpi. Boxes count from 0 to 999. The marks are special tokens. In vLLM the authors
    forbid repeated sequences with `NGramPerReqLogitsProcessor`, an engine option.
    """

    name: ClassVar[str] = "deepseek_ocr"
    label: ClassVar[str] = "DeepSeek-OCR"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("deepseek-ai/DeepSeek-OCR", 3.3, "MIT", "mlx-community/DeepSeek-OCR-8bit"),
        Checkpoint("deepseek-ai/DeepSeek-OCR-2", 3.4, "Apache-2.0", "mlx-community/DeepSeek-OCR-2-8bit"),
        Checkpoint("deepseek-community/DeepSeek-OCR-2", 3.4, "Apache-2.0"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(dpi=144, longest_side=1920, max_pixels=3_600_000, format="png")
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "json", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(max_tokens=8192)
    keeps_special_tokens: ClassVar[bool] = True
    prompts: ClassVar[Mapping[OutputFormat, str]] = {
        "markdown": "<|grounding|>Convert the document to markdown.",
        "text": "Free OCR.",
    }

    def read(self, said: str, page: Page) -> Answer:
        """Blocks from the marked parts, and their text as markdown; an answer without marks stays as it is."""
        marks = list(_MARK.finditer(said))
        if not marks:
            rest = _STRAY.sub("", said)
            return Answer(with_dollars(rest).strip(), flags=("unparsed",) if rest != said else ())
        ends = [*(mark.start() for mark in marks[1:]), len(said)]
        found = [_block(mark, said[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]
        before = _STRAY.sub("", said[: marks[0].start()]).strip()
        blocks = ordered([block("text", before, None), *found] if before else found, self.name)
        return Answer(markdown_of(blocks), blocks)


def _block(mark: re.Match[str], text: str) -> Block:
    boxes = [share_box([float(number) for number in found], 999, 999) for found in _BOX.findall(mark[0])]
    box = around([known for known in boxes if known])
    label = (mark["label"] or mark["bare"]).strip().lower()
    kind = _KINDS.get(label, "text")
    words = with_dollars(_STRAY.sub("", text)).strip()
    if kind == "figure" and words:
        # A picture's mark has nothing below it; what follows is text that has no mark of its own.
        kind = "text"
    if kind == "table" and "<t" in words:
        return block(kind, text_of(words), box, html=words)
    return block(kind, words, box, level=2 if label == "sub_title" else 1)


class DeepSeekOCRTextExtractor(BaseTextExtractor):
    """`DeepSeekOCRTextExtractor(backend=DeepSeekOCRTextVLLMConfig()).extract(picture).content` is markdown."""

    family: ClassVar[type[DeepSeekOCRText]] = DeepSeekOCRText


class DeepSeekOCRTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for DeepSeek-OCR text extraction."""

    family = DeepSeekOCRText()
    model: str = "deepseek-community/DeepSeek-OCR-2"


class DeepSeekOCRTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for DeepSeek-OCR text extraction."""

    family = DeepSeekOCRText()
    model: str = "deepseek-ai/DeepSeek-OCR"


class DeepSeekOCRTextMLXConfig(MLXConfig):
    """MLX backend configuration for DeepSeek-OCR text extraction."""

    family = DeepSeekOCRText()
    model: str = "deepseek-ai/DeepSeek-OCR"


class DeepSeekOCRTextAPIConfig(APIConfig):
    """API backend configuration for DeepSeek-OCR text extraction."""

    family = DeepSeekOCRText()
    model: str = "deepseek-ai/DeepSeek-OCR"


__getattr__ = refuses_others(__name__)
