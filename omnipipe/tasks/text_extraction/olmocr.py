"""olmOCR 2: markdown below a front matter that says what kind of page it is."""

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
from omnipipe.page import Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.answer import with_dollars
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.registry import refuses_others

# The words that the model was trained with, its spelling of LaTeX included.
_PROMPT = (
    "Attached is one page of a document that you must process. Just return the plain text representation of this"
    " document as if you were reading it naturally. Convert equations to LateX and tables to HTML.\n"
    "If there are any figures or charts, label them with the following markdown syntax"
    " ![Alt text describing the contents of the figure](page_startx_starty_width_height.png)\n"
    "Return your output as markdown, with a front matter section on top specifying values for the primary_language,"
    " is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
)

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*$\r?\n?", re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"^\s*(\w+)\s*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_LANGUAGE = re.compile(r"\A[a-z]{2,3}(?:-\w+)?\Z")


class OlmOCRText(PageFamily):
    """olmOCR 2 (model cards allenai/olmOCR-2-7B-1025 and -FP8, Apache-2.0; prompt and sizes as in the olmocr toolkit).

    Fine-tuned from Qwen2.5-VL-7B: the grid is 28 pixels; pages have 1,288 pixels on their longer side, as PNG. A page
    that the model takes for turned gets the flag `rotated`.
    """

    name: ClassVar[str] = "olmocr"
    label: ClassVar[str] = "olmOCR 2"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("allenai/olmOCR-2-7B-1025-FP8", 8.3, "Apache-2.0"),
        Checkpoint("allenai/olmOCR-2-7B-1025", 8.3, "Apache-2.0", "mlx-community/olmOCR-2-7B-1025-4bit"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(
        dpi=200, longest_side=1288, max_pixels=1288 * 1288, multiple_of=28, format="png"
    )
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(temperature=0.1, max_tokens=8000)
    prompts: ClassVar[Mapping[OutputFormat, str]] = {"markdown": _PROMPT}
    prompt_first: ClassVar[bool] = True

    def read(self, said: str, page: Page) -> Answer:
        """The text below the front matter, the page's language, and whether it is turned."""
        found = _FRONT_MATTER.match(said)
        if found is None:
            return Answer(with_dollars(said), flags=("unparsed",))
        settings = {name: value.strip("'\"").lower() for name, value in _SETTING.findall(found[1])}
        turned = settings.get("is_rotation_valid") == "false" or settings.get("rotation_correction", "0") != "0"
        language = settings.get("primary_language", "")
        return Answer(
            with_dollars(said[found.end() :].strip()),
            flags=("rotated",) if turned else (),
            language=language if _LANGUAGE.match(language) and language not in ("null", "none") else None,
        )


class OlmOCRTextExtractor(BaseTextExtractor):
    """`OlmOCRTextExtractor(backend=OlmOCRTextVLLMConfig()).extract(picture).content` is the page as markdown."""

    family: ClassVar[type[OlmOCRText]] = OlmOCRText


class OlmOCRTextPyTorchConfig(PyTorchConfig):
    """PyTorch/HuggingFace backend configuration for olmOCR text extraction."""

    family = OlmOCRText()
    model: str = "allenai/olmOCR-2-7B-1025"


class OlmOCRTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for olmOCR text extraction."""

    family = OlmOCRText()
    model: str = "allenai/olmOCR-2-7B-1025-FP8"
    max_model_len: int = 16384


class OlmOCRTextMLXConfig(MLXConfig):
    """MLX backend configuration for olmOCR text extraction."""

    family = OlmOCRText()
    model: str = "allenai/olmOCR-2-7B-1025"


class OlmOCRTextAPIConfig(APIConfig):
    """API backend configuration for olmOCR text extraction."""

    family = OlmOCRText()
    model: str = "allenai/olmOCR-2-7B-1025"


__getattr__ = refuses_others(__name__)
