"""The same extractor on real engines, which really read: the README's example with a small checkpoint."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from omnipipe import Document
from omnipipe.engines.base import EngineConfig
from omnipipe.generation import GenerationParams
from omnipipe.tasks.text_extraction import QwenTextExtractor
from omnipipe.tasks.text_extraction.qwen import QwenTextMLXConfig, QwenTextPyTorchConfig
from tests.tiny_reader import CHECKPOINT, pdf_of_pages, png_of_page, random_pages

SHORT = GenerationParams(max_tokens=80)

TEXTS = random_pages(16, seed=20)


@pytest.fixture(scope="module", params=["pytorch", "mlx"])
def extractor(request: pytest.FixtureRequest) -> Iterator[QwenTextExtractor]:
    config: EngineConfig
    if request.param == "pytorch":
        pytest.importorskip("transformers", reason="the PyTorch backend is not installed")
        config = QwenTextPyTorchConfig(model=str(CHECKPOINT), device="cpu", torch_dtype="float32", generation=SHORT)
    else:
        pytest.importorskip("mlx_vlm", reason="the MLX backend is not installed")
        config = QwenTextMLXConfig(model=str(CHECKPOINT), generation=SHORT)
    with QwenTextExtractor(backend=config) as extractor:
        yield extractor


def test_a_page_of_a_pdf_is_read_to_the_letter(extractor: QwenTextExtractor, tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(pdf_of_pages(TEXTS[:3]))

    with Document.from_pdf(tmp_path / "paper.pdf", dpi=36) as document:
        results = [extractor.extract(page, output_format="markdown") for page in document.iter_pages()]

    assert [result.content for result in results] == TEXTS[:3]
    assert results[0].word_count == len(TEXTS[0].split())
    assert results[0].content_length == len(TEXTS[0])
    assert results[0].page.engine == extractor.backend_config.engine


def test_a_batch_reads_what_single_pictures_read(extractor: QwenTextExtractor) -> None:
    pictures = [Image.open(io.BytesIO(png_of_page(text))) for text in TEXTS]

    results = extractor.extract_batch(pictures)

    assert [result.content for result in results] == TEXTS
