"""/metrics of the real app: what was done is in it, once, and nothing of any document or caller."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from omnipipe import Client, Pipeline, load_pipeline
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Key, Keys, digest_of
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.online.documents import text_pdf
from tests.online.live import Live, live

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("metrics") / "data")
    with live(load_pipeline("text_layer"), settings) as running:
        yield running


def families(server: Live) -> dict[str, Metric]:
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(server: Live, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    return sum(
        sample.value
        for family in families(server).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def reached(server: Live, wanted: float, name: str, **labels: str) -> float:
    """The value, once it is `wanted`: a client has its answer before it is counted."""
    until = time.monotonic() + 10
    while (found := value(server, name, **labels)) != wanted and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_requests_are_counted_by_template_and_status(server: Live) -> None:
    before = value(server, "omnipipe_http_requests_total", route="/v1/jobs/{job_id}", status="404")
    sums = value(server, "omnipipe_http_request_seconds_count", route="/v1/jobs/{job_id}")

    for number in range(3):
        httpx.get(f"{server.url}/v1/jobs/{number:032x}")

    wanted = before + 3
    assert reached(server, wanted, "omnipipe_http_requests_total", route="/v1/jobs/{job_id}", status="404") == wanted
    assert value(server, "omnipipe_http_request_seconds_count", route="/v1/jobs/{job_id}") == sums + 3


def test_pages_and_jobs_are_counted_once(server: Live) -> None:
    pages = value(server, "omnipipe_pages_total", status="ok")
    taken = value(server, "omnipipe_job_events_total", event="accepted")
    with Client(server.url) as client:
        client.extract(text_pdf(7, word="metric"))

    assert reached(server, pages + 7, "omnipipe_pages_total", status="ok") == pages + 7
    assert value(server, "omnipipe_page_routes_total") == value(server, "omnipipe_pages_total")
    assert value(server, "omnipipe_job_events_total", event="accepted") == taken + 1
    assert value(server, "omnipipe_stage_seconds_total", stage="Read") > 0
    assert reached(server, 0, "omnipipe_jobs") == 0
    assert value(server, "omnipipe_slots") > 0
    assert value(server, "omnipipe_spool_bytes") > 0
    assert value(server, "omnipipe_reading_up") == 1
    assert value(server, "omnipipe_served", pipeline="text_layer") == 1


def test_no_label_grows_with_what_clients_send(server: Live) -> None:
    def series() -> set[tuple[str, str]]:
        return {
            (sample.name, str(sorted(sample.labels.items())))
            for family in families(server).values()
            for sample in family.samples
        }

    def poke(word: str) -> None:
        httpx.get(f"{server.url}/{word}/secret?word={word}")
        httpx.get(f"{server.url}/v1/jobs/{word}")
        httpx.request(word.upper(), f"{server.url}/v1/documents")
        httpx.get(f"{server.url}/healthz", headers={"x-request-id": word, "user-agent": word, "host": "127.0.0.1"})
        httpx.get(f"{server.url}/v1/pipelines", headers={"host": f"{word}.example"})
        with Client(server.url) as client:
            client.extract(text_pdf(1), file_name=f"{word}.pdf", idempotency_key=word)

    def counted(word: str) -> set[tuple[str, str]]:
        before = value(server, "omnipipe_http_requests_total", route="none")
        poke(word)
        assert reached(server, before + 2, "omnipipe_http_requests_total", route="none") == before + 2
        return series()

    known = counted("zero") | counted("first")
    later = counted("second") | counted("third")

    assert later == known
    assert not [name for name, labels in known if "first" in labels or "zero" in labels]


def test_the_numbers_need_a_key_where_keys_are_set(server: Live) -> None:
    server.online.keys = Keys([Key(digest=digest_of("op_one"), name="somebody-known")])
    try:
        without = httpx.get(f"{server.url}/metrics")
        with_key = httpx.get(f"{server.url}/metrics", headers={"authorization": "Bearer op_one"})
    finally:
        server.online.keys = Keys()

    assert without.status_code == 401
    assert with_key.status_code == 200
    assert "somebody" not in with_key.text


def test_metrics_can_be_open_beside_keys(tmp_path: Path) -> None:
    settings = ServeSettings(data_dir=tmp_path / "data", open_metrics=True)
    with live(load_pipeline("text_layer"), settings) as server:
        server.online.keys = Keys([Key(digest=digest_of("op_one"), name="one")])
        answers = [httpx.get(f"{server.url}{path}").status_code for path in ("/metrics", "/v1/pipelines")]

    assert answers == [200, 401]


def test_engines_say_what_they_did(tmp_path: Path) -> None:
    config = QwenTextEchoConfig()
    pipeline = Pipeline("echoes", (Read(text_layer=False), Render(), Extract(engine=config)))
    settings = ServeSettings(data_dir=tmp_path / "data")
    with live(pipeline, settings) as server, Client(server.url) as client:
        result = client.extract(text_pdf(3))
        model = server.online.engines.models[0].name
        answered = value(server, "omnipipe_engine_requests_total", model=model, outcome="answered")
        tokens = value(server, "omnipipe_engine_tokens_total", model=model, kind="completion")
        states = [
            value(server, f"omnipipe_engine_{name}", model=model) for name in ("up", "running", "waiting", "places")
        ]

    assert [page.route for page in result.pages] == ["vlm"] * 3
    assert answered == 3
    assert tokens == sum(page.completion_tokens or 0 for page in result.pages)
    assert states[:3] == [1, 0, 0]
    assert states[3] >= 1
