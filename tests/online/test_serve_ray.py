"""The whole of `omnipipe serve` on Ray: the same rows, streams, and no accepted job lost whatever dies."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import load_pipeline
from tests.conftest import ROOT
from tests.online.serving import Serving, serving
from tests.online.tables import COMPARED, table_of
from tests.pdfs import pdf_of_texts
from tests.rows import column, result_rows
from tests.tiny_reader import CHECKPOINT, png_of_page, random_pages

PIPELINE = str(Path(__file__).with_name("slow_reader.py"))
JOB_SECONDS = 90.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for all tests: a Ray of its own, two document workers, one engine."""
    pytest.importorskip("transformers", reason="the pytorch extra is not installed")
    folder = tmp_path_factory.mktemp("serve")
    with serving(folder, "-p", PIPELINE, "--replicas", "2:2") as running:
        yield running


def slow_pdf(num_pages: int, name: str) -> bytes:
    return pdf_of_texts(
        [f"slow {name} {number}. A page of text that a reader understands." for number in range(num_pages)]
    )


def submit(client: httpx.Client, data: bytes, name: str = "a.pdf") -> str:
    answer = client.post("/v1/documents", files={"file": (name, data)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def finished(server: Serving, job_id: str) -> dict[str, object]:
    """The job when it is final; connections that a dying server cuts are made again."""
    closes = time.monotonic() + JOB_SECONDS
    state: object = None
    while time.monotonic() < closes:
        try:
            with server.client() as client:
                answer = client.get(f"/v1/jobs/{job_id}")
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code < 500:
            assert answer.status_code == 200, answer.text
            state = answer.json()["state"]
            if state in ("done", "cancelled"):
                return dict(answer.json())
        time.sleep(0.2)
    raise AssertionError(f"job {job_id} is {state} after {JOB_SECONDS} s")


def pages_of(job: dict[str, object]) -> list[dict[str, object]]:
    """The rows in page order."""
    pages = job["pages"]
    assert isinstance(pages, list)
    return sorted(pages, key=lambda page: int(page["page_index"]))


def statuses(job: dict[str, object]) -> list[object]:
    return [page["status"] for page in pages_of(job)]


def begun(server: Serving, job_id: str) -> None:
    """Wait until some of its pages are there, and not all."""
    closes = time.monotonic() + JOB_SECONDS
    while time.monotonic() < closes:
        with server.client() as client:
            job = client.get(f"/v1/jobs/{job_id}").json()
        if job["num_rows"]:
            assert job["state"] == "running", job
            return
        time.sleep(0.05)
    raise AssertionError(f"no page of {job_id} after {JOB_SECONDS} s")


def test_documents_over_http_give_the_rows_of_a_run(server: Serving, tmp_path: Path) -> None:
    files = {"text.pdf": slow_pdf(3, "text"), "picture.png": png_of_page(random_pages(1, seed=3)[0]), "no.pdf": b"no"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    run(load_pipeline(PIPELINE), [tmp_path / name for name in files], tmp_path / "out", RunOptions(runner="local"))

    rows = []
    with server.client() as client:
        for name, data in files.items():
            job = client.post("/v1/documents", files={"file": (name, data)}, params={"wait": 60}).json()
            rows += [Row(page["page_index"], page["status"], json.dumps(page).encode()) for page in job["pages"]]

    assert table_of(rows).equals(result_rows(tmp_path / "out").select(COMPARED))


def test_pages_are_streamed_while_others_are_read(server: Serving) -> None:
    started, times, lines = time.monotonic(), [], []
    with (
        server.client() as client,
        client.stream(
            "POST",
            "/v1/documents",
            files={"file": ("a.pdf", slow_pdf(24, "stream"))},
            headers={"accept": "application/x-ndjson"},
        ) as answer,
    ):
        for line in answer.iter_lines():
            times.append(time.monotonic() - started)
            lines.append(json.loads(line))

    assert [line["page_index"] for line in lines[:-1]] == list(range(24)) or len(lines) == 25
    assert lines[-1]["done"] is True
    assert times[0] < times[-1] / 2


def test_chat_streams_from_the_engine_that_reads_pages(server: Serving) -> None:
    text = random_pages(1, seed=4)[0]
    picture = "data:image/png;base64," + base64.b64encode(png_of_page(text)).decode()
    parts = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": "Read."}]
    body: dict[str, object] = {"messages": [{"role": "user", "content": parts}], "temperature": 0, "max_tokens": 80}

    with server.client() as client:
        body["model"] = client.get("/v1/models").json()["data"][0]["id"]
        whole = client.post("/v1/chat/completions", json=body).json()
        with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as answer:
            events = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
        measured = client.get("/metrics").text

    deltas = [json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events[:-1]]
    assert (whole["choices"][0]["message"]["content"], "".join(deltas), events[-1]) == (text, text, "[DONE]")
    assert "omnipipe_engine" in measured


def test_a_job_survives_the_death_of_a_document_worker(server: Serving) -> None:
    with server.client() as client:
        job_id = submit(client, slow_pdf(40, "worker"))
    begun(server, job_id)

    server.kill("Pages")

    assert statuses(finished(server, job_id)) == ["ok"] * 40


def test_a_job_survives_the_death_of_its_ingress(server: Serving) -> None:
    with server.client() as client:
        job_id = submit(client, slow_pdf(40, "ingress"))
    begun(server, job_id)

    server.kill("Ingress")

    assert statuses(finished(server, job_id)) == ["ok"] * 40


def test_a_page_that_kills_its_worker_fails_alone(server: Serving) -> None:
    texts = ["A page of text that a reader understands."] * 6
    texts[2] = "deadly. A page of text that a reader understands."
    with server.client() as client:
        job_id = submit(client, pdf_of_texts(texts))

    job = finished(server, job_id)

    assert statuses(job) == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert [page["error_code"] for page in pages_of(job)][2] == "worker_died"


def test_a_page_survives_the_death_of_its_engine(server: Serving) -> None:
    texts = random_pages(6, seed=9)

    with server.client() as client:
        jobs = [submit(client, png_of_page(text), f"{number}.png") for number, text in enumerate(texts)]
        server.kill("Engine-0")
    done = [finished(server, job_id) for job_id in jobs]

    assert [pages_of(job)[0]["text"] for job in done] == texts


def run_served(server: Serving, pipeline: str, folder: Path) -> subprocess.CompletedProcess[str]:
    lines = (server.data / "ray.env").read_text().splitlines()
    joins = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    command = [sys.executable, "-m", "omnipipe.cli.main", "run", str(folder / "in"), "-o", str(folder / "out")]
    return subprocess.run(
        [*command, "-p", pipeline, "--served", "omnipipe-slow"],
        env={**os.environ, **joins},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_batch_run_asks_the_served_engine(server: Serving, tmp_path: Path) -> None:
    texts = random_pages(6, seed=11)
    (tmp_path / "in").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / "in" / f"{number}.png").write_bytes(png_of_page(text))

    done = run_served(server, PIPELINE, tmp_path)

    assert done.returncode == 0, done.stderr
    assert sorted(column(tmp_path / "out", "text")) == sorted(texts)  # type: ignore[type-var]


def test_a_served_engine_with_other_settings_is_refused(server: Serving, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(png_of_page("A"))
    other = tmp_path / "other.yaml"
    config = f"{{config: QwenTextPyTorchConfig, model: {CHECKPOINT}, max_tokens: 81, torch_dtype: float32}}"
    other.write_text(f"name: other\nstages:\n  - read\n  - render\n  - extract: {{engine: {config}}}\n")

    done = run_served(server, str(other), tmp_path)

    assert done.returncode == 2
    assert "its QwenTextPyTorchConfig has other settings: generation, prompt." in done.stderr


def test_asked_to_end_it_ends_what_is_in_work(server: Serving) -> None:
    with server.client() as client:
        job_id = submit(client, slow_pdf(20, "drain"))
    begun(server, job_id)

    code = server.stop()

    assert code == 0, server.output.read_text()
    job, rows = asyncio.run(kept(server.data, job_id))
    assert (job.state, [row.status for row in rows]) == ("done", ["ok"] * 20)


async def kept(data_dir: Path, job_id: str) -> tuple[Job, list[Row]]:
    store = JobStore(ServeSettings(data_dir=data_dir))
    await store.open()
    try:
        job = store.find(job_id)
        assert job is not None
        return job, await store.rows(job_id)
    finally:
        await store.close()
