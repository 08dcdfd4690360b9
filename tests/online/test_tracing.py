"""Traces of the real app in an exporter that keeps them; and that nothing is loaded where nobody asks for traces."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from omnipipe import Client, Pipeline
from omnipipe.online.settings import ServeSettings
from omnipipe.online.trace_spans import Spans
from omnipipe.online.tracing import is_asked_for, use_spans
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.conftest import ROOT
from tests.online.documents import text_pdf
from tests.online.live import Live, live

PIPELINE = Pipeline("echoes", (Read(text_layer=False), Render(), Extract(engine=QwenTextEchoConfig())))


class Kept:
    """A server and the spans that came from it."""

    def __init__(self, server: Live, spans: Spans, exporter: InMemorySpanExporter) -> None:
        self.server = server
        self._spans = spans
        self._exporter = exporter

    def named(self, name: str, number: int = 1) -> list[ReadableSpan]:
        """The spans of that name, once there are so many: an answer comes before its span ends."""
        until = time.monotonic() + 10
        while True:
            self._spans.flush()
            found = [span for span in self._exporter.get_finished_spans() if span.name == name]
            if len(found) >= number or time.monotonic() > until:
                return found
            time.sleep(0.01)

    def all(self) -> tuple[ReadableSpan, ...]:
        self._spans.flush()
        return self._exporter.get_finished_spans()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    exporter = InMemorySpanExporter()
    spans = Spans(exporter)
    use_spans(spans)
    try:
        with live(PIPELINE, ServeSettings(data_dir=tmp_path / "data")) as server:
            yield Kept(server, spans, exporter)
    finally:
        use_spans(None)
        spans.close()


def ids(span: ReadableSpan) -> tuple[int, int]:
    return span.context.trace_id, span.context.span_id


def parent(span: ReadableSpan) -> tuple[int, int] | None:
    return None if span.parent is None else (span.parent.trace_id, span.parent.span_id)


def test_a_document_is_a_request_a_job_pieces_and_stages(kept: Kept) -> None:
    with Client(kept.server.url) as client:
        result = client.extract(text_pdf(6), file_name="confidential.pdf")

    (request,) = kept.named("POST /v1/documents")
    (job,) = kept.named("job")
    pieces = kept.named("piece")
    stages = [span for span in kept.all() if parent(span) in {ids(piece) for piece in pieces}]
    assert [(link.context.trace_id, link.context.span_id) for link in request.links] == [ids(job)]
    assert parent(job) is None
    assert {parent(piece) for piece in pieces} == {ids(job)}
    assert sum(int(str((piece.attributes or {})["omnipipe.rows"])) for piece in pieces) == 6
    assert {stage.name for stage in stages} >= {"Read", "Render", "Extract"}
    assert job.attributes is not None
    assert (job.attributes["omnipipe.state"], job.attributes["omnipipe.rows"]) == ("done", 6)
    assert job.start_time is not None
    assert all((piece.start_time or 0) >= job.start_time for piece in pieces)
    assert len(result.pages) == 6
    assert "confidential" not in " ".join(span.to_json() for span in kept.all())


def test_an_engine_request_of_a_chat_is_below_its_request(kept: Kept) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    body = {"model": kept.server.online.engines.models[0].name, "messages": [{"role": "user", "content": "secret"}]}

    for asks_for_stream in (False, True):
        httpx.post(
            f"{kept.server.url}/v1/chat/completions",
            json=body | {"stream": asks_for_stream},
            headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"},
        ).raise_for_status()

    requests = kept.named("POST /v1/chat/completions", 2)
    asked = kept.named(f"generate {body['model']}", 2)
    assert [parent(span) for span in asked] == [ids(request) for request in requests]
    assert {f"{span.context.trace_id:032x}" for span in asked} == {trace_id}
    assert all((span.attributes or {})["gen_ai.usage.output_tokens"] for span in asked)
    assert "secret" not in " ".join(span.to_json() for span in kept.all())


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_usual_variables_ask_for_traces(environment: dict[str, str], asked: bool) -> None:
    assert is_asked_for(environment) is asked


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=clean, timeout=60
    )


def test_nothing_of_opentelemetry_is_loaded_where_nobody_asks() -> None:
    done = run(
        # FastAPI loads the interface by itself from version 0.165 on, where it is installed.
        "import sys\nimport fastapi\nof_fastapi = set(sys.modules)\n"
        "import omnipipe.online.web.app\nfrom omnipipe.online.tracing import find_spans\nassert find_spans() is None\n"
        "print([name for name in set(sys.modules) - of_fastapi if name.startswith('opentelemetry')])"
    )

    assert done.stdout == "[]\n", done.stderr


def test_a_missing_package_is_named_with_its_command() -> None:
    done = run(
        "import sys\nsys.modules['opentelemetry'] = None\nfrom omnipipe.online.tracing import find_spans\nfind_spans()",
        OTEL_TRACES_EXPORTER="otlp",
    )

    assert "pip install omnipipe[tracing]" in done.stderr


def test_an_exporter_that_is_not_known_is_refused() -> None:
    done = run("from omnipipe.online.tracing import find_spans\nfind_spans()", OTEL_TRACES_EXPORTER="zipkin")

    assert "OTEL_TRACES_EXPORTER=zipkin is not known here. Use otlp, console or none." in done.stderr
