"""What is known of a picture before it is read: its name, its size, its form, its pixels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.dataset as ds
from PIL import Image

from omnipipe.batch import RunOptions, run
from omnipipe.pipeline import load_pipeline


def test_a_picture_has_its_name_size_form_and_pixels(tmp_path: Path) -> None:
    picture = tmp_path / "form.png"
    image = Image.new("L", (1240, 1754), "white")
    image.paste(0, (300, 400, 900, 800))
    image.save(picture, dpi=(150, 150))
    pipeline = tmp_path / "echo.yaml"
    pipeline.write_text(
        "stages: [read: {text_layer: false}, render: {multiple_of: 1}, extract: {engine: QwenTextEchoConfig}]\n"
    )

    run(load_pipeline(pipeline), picture, tmp_path / "out", RunOptions(runner="local"))

    (document,) = ds.dataset(tmp_path / "out" / "documents").to_table().to_pylist()
    (page,) = ds.dataset(tmp_path / "out" / "pages").to_table().to_pylist()
    data = picture.read_bytes()
    assert document["file_name"] == "form.png"
    assert (document["file_size"], document["mime"]) == (len(data), "image/png")
    assert document["sha256"] == hashlib.sha256(data).hexdigest()
    assert (round(page["width_pt"]), round(page["height_pt"])) == (595, 842)
    assert (page["image_width"], page["image_height"]) == (1240, 1754)
