"""The named extractors: one picture or many, from anywhere, in each format, over any engine."""

from __future__ import annotations

import io
import json
from concurrent.futures import CancelledError
from pathlib import Path
from time import perf_counter
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

from omnipipe import Document
from omnipipe.engines.echo import EchoConfig, EchoEngine
from omnipipe.errors import ConfigError, InputError
from omnipipe.model import Completion, ImagePart, Request
from omnipipe.page import Pixels, ProblemError
from omnipipe.tasks.text_extraction import BaseTextExtractor, QwenTextExtractor, TextFormat
from omnipipe.tasks.text_extraction.dots_ocr import DotsOCRText, DotsOCRTextExtractor
from omnipipe.tasks.text_extraction.olmocr import OlmOCRTextExtractor
from omnipipe.tasks.text_extraction.picture import PictureLike
from omnipipe.tasks.text_extraction.qwen import QwenText, QwenTextEchoConfig
from tests.families.answers import DOTS, QWEN_HTML
from tests.tiny_reader import pdf_of_pages, png_of_page

PICTURE = Image.new("RGB", (300, 200), "white")


class DotsEchoConfig(EchoConfig):
    """dots.ocr without a model."""

    family = DotsOCRText()


class Watched(EchoEngine):
    """Remembers what was asked, and how often it was opened."""

    asked: ClassVar[list[Request]] = []
    num_opened: ClassVar[int] = 0

    async def open(self) -> None:
        type(self).num_opened += 1
        await super().open()

    async def _generate(self, request: Request) -> Completion:
        self.asked.append(request)
        if request.images[0].width == 96:
            raise ProblemError("context_overflow", "the picture is too wide")
        return await super()._generate(request)


class WatchedConfig(QwenTextEchoConfig):
    """Qwen without a model, watched."""

    def build(self) -> EchoEngine:
        return Watched(self)


@pytest.fixture
def watched() -> type[Watched]:
    Watched.asked, Watched.num_opened = [], 0
    return Watched


def test_the_result_counts_its_content() -> None:
    with QwenTextExtractor(backend=QwenTextEchoConfig(reply="# A title\n\nand words")) as extractor:
        result = extractor.extract(PICTURE)

    assert result.content == "# A title\n\nand words"
    assert (result.word_count, result.content_length, result.output_format) == (5, 20, "markdown")
    assert (result.page.status, result.page.route, result.page.engine, result.page.model) == (
        "ok",
        "vlm",
        "echo",
        "echo",
    )
    assert result.page.image is None
    assert result.completion.finish_reason == "stop"


def test_each_format_in_its_form() -> None:
    with QwenTextExtractor(backend=QwenTextEchoConfig(reply=QWEN_HTML)) as extractor:
        html = extractor.extract(PICTURE, "html")
        plain = extractor.extract(PICTURE, TextFormat.TEXT)
        known = json.loads(extractor.extract(PICTURE, output_format=TextFormat.JSON).content)

    assert html.output_format == "html"
    assert html.content.startswith("<h2>Fish &amp; chips</h2>")
    assert plain.content.startswith("Fish & chips")
    assert "<" not in plain.content.replace("Five < six", "")
    assert known["blocks"][0] == {
        "type": "title",
        "bbox": [0.1, 0.05, 0.9, 0.1],
        "order": 0,
        "level": 2,
        "text": "Fish & chips",
        "source": "qwen",
    }
    assert known["text"].startswith("## Fish & chips\n\nFive < six")


def test_boxes_are_shares_of_the_picture_that_was_sent() -> None:
    """dots.ocr counts pixels of a picture of 1,000 x 2,000, which is 1,008 x 1,988 on its grid."""
    with DotsOCRTextExtractor(backend=DotsEchoConfig(reply=DOTS)) as extractor:
        blocks = json.loads(extractor.extract(Image.new("RGB", (1000, 2000)), "json").content)["blocks"]

    assert blocks[1]["bbox"] == pytest.approx([100 / 1008, 100 / 1988, 900 / 1008, 200 / 1988])


@pytest.mark.parametrize("name", ["latex", "", "Markdown"])
def test_an_unknown_format_is_refused_with_the_known_ones(name: str) -> None:
    with (
        QwenTextExtractor(backend=QwenTextEchoConfig()) as extractor,
        pytest.raises(ConfigError, match=r"not supported by Qwen3-VL\. Use one of: markdown, html, json, text"),
    ):
        extractor.extract(PICTURE, name)


def test_a_format_that_the_family_lacks_is_refused() -> None:
    with (
        DotsOCRTextExtractor(backend=DotsEchoConfig()) as extractor,
        pytest.raises(ConfigError, match=r"'html' is not supported by dots\.ocr\. Use one of: markdown, json, text"),
    ):
        extractor.extract(PICTURE, output_format="html")


def test_pictures_from_anywhere_are_the_same(watched: type[Watched], tmp_path: Path) -> None:
    content = png_of_page("Some text")
    (tmp_path / "page.png").write_bytes(content)
    image = Image.open(io.BytesIO(content))
    pixels = Pixels(image.tobytes(), "raw", "RGB", *image.size)
    document = Document.from_bytes(pdf_of_pages(["Some text"]), dpi=36)
    sources: list[PictureLike] = [
        image,
        np.asarray(image),
        tmp_path / "page.png",
        str(tmp_path / "page.png"),
        pixels,
        document.get_page(0),
    ]

    with QwenTextExtractor(backend=WatchedConfig()) as extractor, document:
        extractor.extract_batch(sources)

    sent = {request.images[0] for request in watched.asked}
    assert len(watched.asked) == 6
    assert len(sent) == 1
    (sole,) = sent
    assert (sole.format, sole.mode, sole.width, sole.height) == ("jpeg", "RGB", 256, 64)


def test_large_pictures_come_on_the_model_s_grid(watched: type[Watched]) -> None:
    with QwenTextExtractor(backend=WatchedConfig()) as extractor:
        extractor.extract(Image.new("L", (4000, 5657)))

    (request,) = watched.asked
    (sent,) = request.images
    assert sent.width % 32 == sent.height % 32 == 0
    assert sent.width * sent.height <= QwenText.picture.max_pixels
    assert isinstance(request.messages[0].parts[0], ImagePart)


@pytest.mark.parametrize(
    ("name", "content"), [("page.pdf", b"%PDF-1.7"), ("page.png", b"no image"), ("gone.png", None)]
)
def test_a_path_that_is_no_image_says_what_to_give(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with (
        QwenTextExtractor(backend=QwenTextEchoConfig()) as extractor,
        pytest.raises(InputError, match=r"Document.from_pdf\('page.pdf'\).get_page\(0\)|image"),
    ):
        extractor.extract(tmp_path / name)


def test_a_batch_is_asked_for_at_once() -> None:
    """Sixteen answers of half a second each, sixteen at a time."""
    with QwenTextExtractor(backend=QwenTextEchoConfig(seconds=0.5, slots=16)) as extractor:
        extractor.load()
        pictures = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in range(0, 160, 10)]
        start = perf_counter()
        results = extractor.extract_batch(pictures)
        took = perf_counter() - start

    assert took < 4
    assert len({result.content for result in results}) == 16


def test_a_batch_keeps_its_order() -> None:
    pictures = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (0, 90, 200)]

    with QwenTextExtractor(backend=QwenTextEchoConfig()) as extractor:
        together = [result.content for result in extractor.extract_batch(pictures)]
        alone = [extractor.extract(picture).content for picture in pictures]

    assert together == alone


def test_one_bad_picture_raises_its_problem(watched: type[Watched]) -> None:
    pictures = [Image.new("RGB", (width, 64)) for width in (64, 96, 64)]

    with QwenTextExtractor(backend=WatchedConfig()) as extractor, pytest.raises(ProblemError, match="too wide"):
        extractor.extract_batch(pictures)


def test_the_model_is_loaded_once_and_again_after_close(watched: type[Watched]) -> None:
    extractor = QwenTextExtractor(backend=WatchedConfig())
    assert watched.num_opened == 0

    extractor.extract(PICTURE)
    extractor.extract_batch([PICTURE, PICTURE])
    assert watched.num_opened == 1

    extractor.close()
    extractor.close()
    extractor.extract(PICTURE)
    extractor.close()
    assert watched.num_opened == 2


def test_cancelling_gives_the_slot_to_the_next() -> None:
    with QwenTextExtractor(backend=QwenTextEchoConfig(seconds=30.0, slots=1)) as extractor:
        extractor.load()
        futures = [extractor.submit(PICTURE) for _ in range(3)]
        for future in futures:
            future.cancel()

        for future in futures:
            with pytest.raises(CancelledError):
                future.result(timeout=10)


def test_a_parser_s_flags_reach_the_caller() -> None:
    with DotsOCRTextExtractor(backend=DotsEchoConfig(reply="no JSON")) as extractor:
        result = extractor.extract(PICTURE)

    assert (result.content, result.page.flags) == ("no JSON", ("unparsed",))


class SomethingConfig(BaseModel):
    """No config of ours."""


@pytest.mark.parametrize("backend", [SomethingConfig(), EchoConfig(), DotsEchoConfig()], ids=lambda b: type(b).__name__)
def test_an_unknown_backend_is_named(backend: BaseModel) -> None:
    with pytest.raises(ValueError, match=f"^Unknown backend: {type(backend).__name__}$"):
        QwenTextExtractor(backend=backend)


def test_a_config_of_the_same_name_from_another_path_is_taken() -> None:
    made = type("QwenTextEchoConfig", (BaseModel,), {"__annotations__": {"reply": str}, "reply": "hi"})

    extractor = QwenTextExtractor(backend=made(reply="other"))

    assert isinstance(extractor.backend_config, QwenTextEchoConfig)
    assert extractor.backend_config.reply == "other"


def test_every_named_extractor_is_data() -> None:
    for extractor in (QwenTextExtractor, OlmOCRTextExtractor, DotsOCRTextExtractor):
        assert issubclass(extractor, BaseTextExtractor)
        assert set(vars(extractor)) <= {"__module__", "__doc__", "family", "__annotations__"}
