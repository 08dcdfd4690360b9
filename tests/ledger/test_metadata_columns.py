"""What is known of a picture before it is read: its name, its size, its form, its pixels."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from PIL import Image

from omnipipe.batch import RunOptions, run
from omnipipe.pipeline import load_pipeline
from tests.pdfs import pdf_of_objects, pdf_of_texts


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


def test_files_within_a_pdf_are_counted(tmp_path: Path) -> None:
    """Of a portfolio the only page is a cover: before, nothing said that there is more."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Collection << /View /T >>"
        b" /Names << /EmbeddedFiles << /Names [(a.txt) 4 0 R (b.txt) 4 0 R] >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>",
        b"<< /Type /Filespec /F (a.txt) /UF (a.txt) /EF << /F 5 0 R >> >>",
        b"<< /Type /EmbeddedFile /Length 5 >>\nstream\nhello\nendstream",
    ]
    (tmp_path / "portfolio.pdf").write_bytes(pdf_of_objects(objects))
    (tmp_path / "plain.pdf").write_bytes(pdf_of_texts(["a text"]))

    run("text_layer", tmp_path, tmp_path / "out", RunOptions(runner="local"))

    rows = ds.dataset(tmp_path / "out" / "documents").to_table().to_pylist()
    counts = {row["file_name"]: json.loads(row["metadata"]).get("attachments") for row in rows}
    assert counts == {"portfolio.pdf": "2", "plain.pdf": None}


def test_every_column_is_of_a_kind_that_all_readers_know(tmp_path: Path) -> None:
    """Maps are none: Hugging Face's datasets could not read `documents` for the one that it had."""
    (tmp_path / "plain.pdf").write_bytes(pdf_of_texts(["a text"]))

    run("text_layer", tmp_path, tmp_path / "out", RunOptions(runner="local"))

    for name in ("pages", "documents", "sources"):
        schema = ds.dataset(tmp_path / "out" / name).schema
        assert not [field.name for field in schema if pa.types.is_map(field.type)]
