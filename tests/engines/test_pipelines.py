"""The shipped pipelines from end to end with real engines and a model that really reads, text against known text."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from omnipipe import Pipeline, load_pipeline
from omnipipe.batch import RunOptions, run
from omnipipe.engines.base import EngineConfig
from omnipipe.engines.vllm_check import installed_build
from omnipipe.ledger.verify import verify_run
from omnipipe.stages.base import Stage
from omnipipe.stages.extract import Extract
from omnipipe.stages.render import Render
from omnipipe.stages.verify import Verify
from omnipipe.tasks.text_extraction.registry import find_config
from tests.engines.vllm_server import KEY, MODEL, vllm_server
from tests.pdfs import pdf_of_texts
from tests.ray_local import own_ray
from tests.rows import result_rows
from tests.tiny_reader import CHECKPOINT, pdf_of_pages, png_of_page, random_pages

pytestmark = [
    pytest.mark.slow,
    # vLLM imports names that torch is about to rename; Ray warns of its own deprecations.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

TINY: dict[str, object] = {"model": str(CHECKPOINT), "prompt": "Read.", "max_tokens": 80}
NEEDS_VLLM = pytest.mark.skipif(installed_build() != "cpu", reason="vLLM's CPU build is not installed")


def missing(module: str) -> bool:
    return importlib.util.find_spec(module) is None


def with_reader(name: str, config: EngineConfig) -> Pipeline:
    """The shipped pipeline with `config`, drawing pages as the tiny reader knows them."""

    def changed(stage: Stage, index: int, stages: tuple[Stage, ...]) -> Stage:
        if isinstance(stage, Extract):
            return Extract(engine=config)
        if isinstance(stage, Render) and isinstance(stages[index + 1], Extract):
            return Render(dpi=72, small_side=0, format="png")
        return Verify(min_quality=1.0) if isinstance(stage, Verify) else stage

    pipeline = load_pipeline(name)
    return replace(
        pipeline, stages=tuple(changed(stage, i, pipeline.stages) for i, stage in enumerate(pipeline.stages))
    )


def vllm(**settings: object) -> EngineConfig:
    ours = {**TINY, "dtype": "float32", "kv_cache_memory_bytes": 64 << 20, "max_num_seqs": 16, "max_model_len": 1024}
    return find_config("QwenTextVLLMConfig").model_validate({**ours, **settings})


def texts_of(output: Path) -> list[object]:
    rows = result_rows(output).to_pylist()
    return [row["text"] for row in sorted(rows, key=lambda row: (row["source_uri"], row["page_index"]))]


@pytest.mark.skipif(missing("transformers"), reason="transformers is not installed")
def test_pytorch_reads_every_page(tmp_path: Path) -> None:
    texts = random_pages(20, seed=5)
    (tmp_path / "in.pdf").write_bytes(pdf_of_pages(texts))
    config = find_config("QwenTextPyTorchConfig").model_validate({**TINY, "torch_dtype": "float32", "device": "cpu"})

    run(with_reader("pytorch", config), tmp_path / "in.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert texts_of(tmp_path / "out") == texts


@pytest.mark.skipif(missing("mlx_vlm"), reason="mlx-vlm is not installed")
def test_mlx_reads_every_page(tmp_path: Path) -> None:
    texts = random_pages(12, seed=6)
    (tmp_path / "in.pdf").write_bytes(pdf_of_pages(texts))
    config = find_config("QwenTextMLXConfig").model_validate(TINY)

    run(with_reader("mlx", config), tmp_path / "in.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert texts_of(tmp_path / "out") == texts


@NEEDS_VLLM
def test_vllm_on_ray_reads_every_page(tmp_path: Path) -> None:
    texts = random_pages(100, seed=11)
    for number in range(4):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"d{number}.pdf").write_bytes(pdf_of_pages(texts[25 * number : 25 * number + 25]))

    with own_ray():
        run(with_reader("vlm", vllm()), tmp_path / "in", tmp_path / "out", RunOptions(runner="ray"))

    rows = result_rows(tmp_path / "out").to_pylist()
    assert texts_of(tmp_path / "out") == texts
    assert {(row["route"], row["engine"], row["finish_reason"]) for row in rows} == {("vlm", "vllm", "stop")}
    assert verify_run(tmp_path / "out").problems == []


@NEEDS_VLLM
def test_a_hybrid_run_sends_only_what_ocr_read_badly_to_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "text.pdf").write_bytes(
        pdf_of_texts([f"Page {page} has a text layer\nthat can be read." for page in range(5)])
    )
    scans = random_pages(5, seed=8)
    for number, text in enumerate(scans):
        (folder / f"scan{number}.png").write_bytes(png_of_page(text))

    run(with_reader("hybrid", vllm()), folder, tmp_path / "out", RunOptions(runner="local"))

    rows = sorted(result_rows(tmp_path / "out").to_pylist(), key=lambda row: (row["source_uri"], row["page_index"]))
    assert [row["route"] for row in rows[5:]] == ["text_layer"] * 5
    by_model = [(row["text"], text) for row, text in zip(rows[:5], scans, strict=True) if row["route"] == "vlm"]
    assert len(by_model) >= 3
    assert [read for read, _ in by_model] == [text for _, text in by_model]
    assert verify_run(tmp_path / "out").problems == []


@NEEDS_VLLM
@pytest.mark.skipif(missing("openai"), reason="openai is not installed")
def test_an_api_server_reads_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = random_pages(30, seed=9)
    (tmp_path / "in.pdf").write_bytes(pdf_of_pages(texts))
    monkeypatch.setenv("TINY_KEY", KEY)

    with vllm_server(tmp_path) as server:
        settings = {**TINY, "model": MODEL, "base_url": server.url, "api_key_env": "TINY_KEY", "flavour": "vllm"}
        config = find_config("QwenTextAPIConfig").model_validate(settings)
        run(with_reader("api", config), tmp_path / "in.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert texts_of(tmp_path / "out") == texts
    assert KEY not in (tmp_path / "out" / "manifest.json").read_text()
