"""DocLayout-YOLO: what it finds as blocks, what it says without its package or weights, and a model of random weights.

The published weights cannot be had everywhere; where doclayout-yolo is installed, a small model of the same kind with
random weights goes all the way.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.tasks.layout_extraction import DocLayoutYOLO, DocLayoutYOLOConfig
from omnipipe.tasks.layout_extraction.doc_layout_yolo import to_blocks

NAMES = {
    **{0: "title", 1: "plain text", 2: "abandon", 3: "figure", 4: "figure_caption", 5: "table"},
    **{6: "table_caption", 7: "table_footnote", 8: "isolate_formula", 9: "formula_caption"},
}
IS_THERE = importlib.util.find_spec("doclayout_yolo") is not None
PAGE = Image.new("RGB", (600, 800), "white")


def test_what_is_found_becomes_blocks_from_top_to_bottom() -> None:
    boxes = [[0.1, 0.5, 0.9, 0.8], [0.1, 0.1, 0.9, 0.2], [0.4, 0.95, 0.6, 0.99], [0.4, 0.01, 0.6, 0.03]]

    blocks = to_blocks(NAMES, boxes, [5, 0, 2, 2], [0.9, 0.8, 0.7, 0.6], confidence=0.25)

    assert [(block.type, block.order, block.confidence) for block in blocks] == [
        ("header", 0, 0.6),
        ("title", 1, 0.8),
        ("table", 2, 0.9),
        ("footer", 3, 0.7),
    ]
    assert blocks[1].bbox == (0.1, 0.1, 0.9, 0.2)
    assert {block.source for block in blocks} == {"doc_layout_yolo"}


def test_every_class_of_the_published_model_has_a_type() -> None:
    boxes = [[0.1, n / 10, 0.9, n / 10 + 0.05] for n in range(10)]

    blocks = to_blocks(NAMES, boxes, list(range(10)), [1.0] * 10, confidence=0.0)

    assert [block.type for block in blocks] == [
        *("title", "text", "header", "figure", "caption", "table", "caption", "footnote", "formula", "caption"),
    ]


def test_doubtful_and_empty_boxes_are_left_out_and_others_kept_on_the_page() -> None:
    boxes = [[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.5, 0.9], [-0.1, 0.3, 1.2, 0.4], [0.1, 0.6, 0.2, 0.7]]

    blocks = to_blocks({7: "seal"}, boxes, [7, 7, 7, 99], [0.1, 0.9, 0.9, 0.9], confidence=0.25)

    assert [(block.type, block.bbox) for block in blocks] == [
        ("seal", (0.0, 0.3, 1.0, 0.4)),
        ("99", (0.1, 0.6, 0.2, 0.7)),
    ]


def test_the_config_has_the_promised_names_and_bounds() -> None:
    config = DocLayoutYOLOConfig(device="cuda", confidence=0.3)

    assert (config.device, config.confidence) == ("cuda", 0.3)
    assert DocLayoutYOLOConfig().confidence == 0.25
    with pytest.raises(ValidationError):
        DocLayoutYOLOConfig(confidence=1.5)


@pytest.mark.parametrize("name", ["DocLayoutYOLOVLLMConfig", "DocLayoutYOLOAPIConfig"])
def test_another_backend_is_an_import_error_that_names_the_one(name: str) -> None:
    backends = "Its backends are: DocLayoutYOLOConfig, Rapid"
    with pytest.raises(ImportError, match=f"no {name} in .*layout_extraction. {backends}"):
        exec(f"from omnipipe.tasks.layout_extraction import {name}")


@pytest.mark.skipif(IS_THERE, reason="doclayout-yolo is installed here")
def test_without_its_package_it_says_which_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"requires doclayout-yolo. .*pip install omnipipe\[layout-yolo\]"):
        DocLayoutYOLO(config=DocLayoutYOLOConfig(device="cpu")).extract(PAGE)


needs_package = pytest.mark.skipif(not IS_THERE, reason="doclayout-yolo (AGPL) is not installed")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the smallest model of this kind, with random weights."""
    torch: Any = importlib.import_module("torch")
    package: Any = importlib.import_module("doclayout_yolo")
    torch.manual_seed(0)
    model = package.YOLOv10("yolov10n.yaml").model
    model.names = NAMES
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    torch.save({"model": model, "train_args": {"task": "detect", "model": "random"}}, path)
    return path


@needs_package
def test_random_weights_go_all_the_way(weights: Path) -> None:
    config = DocLayoutYOLOConfig(model=str(weights), device="cpu", confidence=0.00001, image_size=256)

    with DocLayoutYOLO(config=config) as model:
        result = model.extract(PAGE)

    assert (result.width, result.height) == (600, 800)
    assert result.blocks
    for block in result.blocks:
        assert block.bbox is not None
        assert 0 <= block.bbox[0] < block.bbox[2] <= 1
        assert 0 <= block.bbox[1] < block.bbox[3] <= 1


@needs_package
@pytest.mark.parametrize("model", ["gone.pt", "a/b/c"])
def test_weights_that_are_not_there_are_named(model: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no file {model}"):
        DocLayoutYOLO(config=DocLayoutYOLOConfig(model=model, device="cpu")).load()


@needs_package
def test_a_file_that_is_no_model_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "odd.pt").write_bytes(b"no weights")

    with pytest.raises(ConfigError, match="cannot be loaded"):
        DocLayoutYOLO(config=DocLayoutYOLOConfig(model=str(tmp_path / "odd.pt"), device="cpu")).load()
