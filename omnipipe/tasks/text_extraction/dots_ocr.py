"""dots.ocr: a JSON list of the page's parts with their boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from omnipipe.engines.api import APIConfig
from omnipipe.engines.mlx import MLXConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Checkpoint, OutputFormat
from omnipipe.page import Block, Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.tasks.text_extraction.blocks import block, markdown_of, ordered
from omnipipe.tasks.text_extraction.boxes import share_box
from omnipipe.tasks.text_extraction.extractor import BaseTextExtractor
from omnipipe.tasks.text_extraction.family import Answer, PageFamily
from omnipipe.tasks.text_extraction.loose_json import Entry, entries_of, numbers_in, text_in
from omnipipe.tasks.text_extraction.markup import text_of
from omnipipe.tasks.text_extraction.registry import refuses_others

_KINDS: Mapping[str, str] = {
    "Caption": "caption",
    "Footnote": "footnote",
    "Formula": "formula",
    "List-item": "list",
    "Page-footer": "footer",
    "Page-header": "header",
    "Picture": "figure",
    "Section-header": "title",
    "Table": "table",
    "Text": "text",
    "Title": "title",
}

# The words that the model was trained with.
_PROMPT = f"""\
Please output the layout information from the PDF image, including each layout element's bbox, its category, and the \
corresponding text content within the bbox.

1. Bbox format: [x1, y1, x2, y2]

2. Layout Categories: The possible categories are {list(_KINDS)}.

3. Text Extraction & Formatting Rules:
    - Picture: For the 'Picture' category, the text field should be omitted.
    - Formula: Format its text as LaTeX.
    - Table: Format its text as HTML.
    - All Others (Text, Title, etc.): Format their text as Markdown.

4. Constraints:
    - The output text must be the original text from the image, with no translation.
    - All layout elements must be sorted according to human reading order.

5. Final Output: The entire output must be a single JSON object.
"""


class DotsOCRText(PageFamily):
    """dots.ocr (model card rednote-hilab/dots.ocr, MIT; prompt `prompt_layout_all_en` of its repository).

    The grid is 28 pixels, pages are drawn at 200 dpi with at most 11,289,600 pixels. Boxes are pixels of the picture,
    which is why it must come on the grid. vLLM knows the architecture; transformers needs the checkpoint's own code.
    """

    name: ClassVar[str] = "dots_ocr"
    label: ClassVar[str] = "dots.ocr"
    checkpoints: ClassVar[tuple[Checkpoint, ...]] = (
        Checkpoint("rednote-hilab/dots.ocr", 3.0, "MIT", "mlx-community/dots.ocr-4bit"),
    )
    picture: ClassVar[RenderPolicy] = RenderPolicy(
        dpi=200, longest_side=4480, max_pixels=11_289_600, multiple_of=28, format="jpeg", quality=90
    )
    output_formats: ClassVar[tuple[OutputFormat, ...]] = ("markdown", "json", "text")
    generation: ClassVar[GenerationParams] = GenerationParams(temperature=0.1, top_p=0.9, max_tokens=16384)
    trust_remote_code: ClassVar[bool] = True
    prompts: ClassVar[Mapping[OutputFormat, str]] = {"markdown": _PROMPT}

    def read(self, said: str, page: Page) -> Answer:
        """Blocks, and their text as markdown; what is no such list stays as it is."""
        entries, is_whole = entries_of(said)
        blocks = ordered(
            (_block(entry, page) for entry in entries if "category" in entry or "text" in entry), self.name
        )
        if not blocks and not (is_whole and not entries):
            return Answer(said, flags=("unparsed",))
        return Answer(markdown_of(blocks), blocks, () if is_whole else ("unparsed",))


def _block(entry: Entry, page: Page) -> Block:
    width, height = (page.image.width, page.image.height) if page.image else (0, 0)
    category = text_in(entry, "category")
    kind = _KINDS.get(category, "text")
    text = text_in(entry, "text")
    box = share_box(numbers_in(entry, "bbox"), width, height)
    if kind == "table":
        return block(kind, text_of(text), box, html=text)
    return block(kind, text, box, level=2 if category == "Section-header" else 1)


class DotsOCRTextExtractor(BaseTextExtractor):
    """`DotsOCRTextExtractor(backend=DotsOCRTextVLLMConfig()).extract(picture).content` is the page as markdown."""

    family: ClassVar[type[DotsOCRText]] = DotsOCRText


class DotsOCRTextVLLMConfig(VLLMConfig):
    """VLLM backend configuration for dots.ocr text extraction."""

    family = DotsOCRText()
    model: str = "rednote-hilab/dots.ocr"
    max_model_len: int = 32768


class DotsOCRTextMLXConfig(MLXConfig):
    """MLX backend configuration for dots.ocr text extraction."""

    family = DotsOCRText()
    model: str = "rednote-hilab/dots.ocr"


class DotsOCRTextAPIConfig(APIConfig):
    """API backend configuration for dots.ocr text extraction."""

    family = DotsOCRText()
    model: str = "rednote-hilab/dots.ocr"


__getattr__ = refuses_others(__name__)
