"""GET /metrics: what this process does and did, for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
from fastapi import APIRouter, Depends
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

import omnipipe
from omnipipe.errors import OmnipipeError
from omnipipe.online.engine_service import LIVE, EngineLoad, EngineService, ServedModel
from omnipipe.online.load import Load
from omnipipe.online.web.auth import caller
from omnipipe.online.web.exchange import Exchange
from omnipipe.online.web.schemas import errors

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

# Not the newer OpenMetrics form: every scraper reads this one.
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ENGINE_SECONDS = 2.0
_Values = dict[tuple[str, ...], float]
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


def router(online: Online) -> APIRouter:
    """The route of metrics. Where keys are set it needs one, unless `open_metrics` says otherwise."""
    routes = APIRouter(tags=["operation"])

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **errors()},
        dependencies=[] if online.settings.open_metrics else [Depends(caller)],
    )
    async def get_metrics(request: Request) -> Response:
        """Numbers for Prometheus. None of them says anything of a document or a caller."""
        metrics: Metrics = request.app.state.metrics
        return Response(await metrics.text(), headers={"content-type": _MEDIA_TYPE})

    return routes


class Metrics:
    """The numbers of one ingress process, with a registry of its own; an observer of its requests.

    What others count already (the document service, the engines) is read when somebody asks, and counted nowhere else.
    """

    def __init__(self, online: Online) -> None:
        self._engines = online.engines
        self._replica = online.documents.name
        # A series more for each, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._snapshot = _Snapshot(online, self._replica)
        self.registry.register(self._snapshot)
        labels = ("replica", "method", "route")
        self._requests = Counter(
            "omnipipe_http_requests", "Requests that were answered.", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "omnipipe_http_request_seconds",
            "Seconds from a request's head to the last byte of its answer.",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._first = Histogram(
            "omnipipe_http_first_byte_seconds",
            "Seconds from a request's head to the head of its answer.",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._bytes = Counter(
            "omnipipe_http_bytes", "Bytes of bodies.", ("replica", "direction"), registry=self.registry
        )
        self._running = Gauge(
            "omnipipe_http_running_requests",
            "Requests that are not answered to their end.",
            ("replica",),
            registry=self.registry,
        ).labels(self._replica)

    def begin(self, scope: Scope) -> None:
        """See `Observer`."""
        self._running.inc()

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """See `Observer`."""
        self._running.dec()
        labels = (self._replica, exchange.method, exchange.route)
        self._requests.labels(*labels, str(exchange.status)).inc()
        self._seconds.labels(*labels).observe(exchange.seconds)
        self._first.labels(*labels).observe(exchange.first_seconds)
        self._bytes.labels(self._replica, "in").inc(exchange.bytes_in)
        self._bytes.labels(self._replica, "out").inc(exchange.bytes_out)

    async def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        models = self._engines.models
        loads = await asyncio.gather(*(_load(self._engines, model) for model in models))
        self._snapshot.engines = [(model.name, load) for model, load in zip(models, loads, strict=True)]
        return generate_latest(self.registry)


async def _load(engines: EngineService, model: ServedModel) -> EngineLoad | None:
    """What the engine does, None where it does not say."""
    try:
        async with asyncio.timeout(_ENGINE_SECONDS):
            return await engines.load(model)
    except (OmnipipeError, TimeoutError):
        return None


class _Snapshot(Collector):
    """Reads the document service when it is asked; `engines` are what the engines said just before."""

    def __init__(self, online: Online, replica: str) -> None:
        self._online = online
        self._replica = replica
        self._process = psutil.Process()
        self.engines: list[tuple[str, EngineLoad | None]] = []

    def collect(self) -> Iterator[Metric]:
        """All families, the same ones at each call."""
        load = self._online.documents.load()
        served = self._online.documents
        yield self._one(
            GaugeMetricFamily(
                "omnipipe_served",
                "1: what is served.",
                labels=("replica", "version", "pipeline", "config_hash"),
            ),
            {(omnipipe.__version__, served.pipeline_name, served.config_hash): 1},
        )
        yield from self._gauges(load)
        yield from self._counters(load)
        yield from self._process_families()
        yield from _engine_families(self.engines)

    def _gauges(self, load: Load) -> Iterator[Metric]:
        for name, text, value in (
            ("jobs", "Jobs in work or waiting here.", load.jobs),
            ("queued_pages", "Known pages that wait for a worker.", load.queued_pages),
            ("running_pieces", "Pieces of documents that workers have.", load.running_pieces),
            ("slots", "Pieces that can be worked on at once.", load.slots),
            ("spool_bytes", "Bytes of uploads on the disk, of all processes.", load.spool_bytes),
            ("pages_per_second", "Pages finished a second, over the last half minute.", load.pages_per_second),
            ("reading_up", "1 while pages can be read, 0 in trouble that the log names.", load.trouble is None),
        ):
            yield self._one(GaugeMetricFamily(f"omnipipe_{name}", text, labels=("replica",)), {(): value})

    def _counters(self, load: Load) -> Iterator[Metric]:
        jobs: _Values = {
            ("accepted",): load.accepted,
            ("refused",): load.refused,
            ("reused",): load.reused,
            ("finished",): load.finished,
        }
        tokens: _Values = {("prompt",): load.prompt_tokens, ("completion",): load.completion_tokens}
        for name, text, label, values in (
            ("job_events", "Uploads taken, refused for want of room, answered from older jobs; ends.", "event", jobs),
            ("pages", "Finished rows.", "status", _keyed(load.rows_by_status)),
            ("page_routes", "Finished rows by how their text came to be.", "route", _keyed(load.rows_by_route)),
            ("stage_seconds", "Seconds that workers spent in a stage.", "stage", _keyed(load.stage_seconds)),
            ("page_tokens", "Tokens that pages cost.", "kind", tokens),
        ):
            yield self._one(CounterMetricFamily(f"omnipipe_{name}", text, labels=("replica", label)), values)
        lost = CounterMetricFamily("omnipipe_workers_lost", "Pieces whose worker died.", labels=("replica",))
        yield self._one(lost, {(): load.workers_lost})

    def _process_families(self) -> Iterator[Metric]:
        # Not prometheus_client's own: they have no label that tells replicas apart.
        with self._process.oneshot():
            times, memory = self._process.cpu_times(), self._process.memory_info()
        cpu = CounterMetricFamily("omnipipe_process_cpu_seconds", "Of the processor.", labels=("replica",))
        resident = GaugeMetricFamily("omnipipe_process_resident_bytes", "Of memory.", labels=("replica",))
        yield self._one(cpu, {(): times.user + times.system})
        yield self._one(resident, {(): memory.rss})

    def _one(self, family: Metric, values: _Values) -> Metric:
        for labels, value in values.items():
            family.add_metric((self._replica, *labels), value)  # type: ignore[attr-defined]
        return family


def _keyed(values: dict[str, int] | dict[str, float]) -> _Values:
    return {(name,): value for name, value in values.items()}


def _engine_families(engines: list[tuple[str, EngineLoad | None]]) -> Iterator[Metric]:
    """Of all replicas of an engine together: every ingress says the same."""
    up = GaugeMetricFamily("omnipipe_engine_up", "1 while the engine can answer.", labels=("model",))
    places = GaugeMetricFamily("omnipipe_engine_places", "Requests that it lets in at once.", labels=("model",))
    running = GaugeMetricFamily("omnipipe_engine_running", "Requests inside the engine.", labels=("model",))
    waiting = GaugeMetricFamily("omnipipe_engine_waiting", "Requests before it.", labels=("model", "kind"))
    requests = CounterMetricFamily("omnipipe_engine_requests", "Requests that ended.", labels=("model", "outcome"))
    tokens = CounterMetricFamily("omnipipe_engine_tokens", "Tokens read and written.", labels=("model", "kind"))
    seconds = CounterMetricFamily("omnipipe_engine_seconds", "Seconds of answers in the engine.", labels=("model",))
    for name, load in engines:
        up.add_metric((name,), load is not None and load.state == "ready")
        if load is None:
            continue
        places.add_metric((name,), load.places)
        running.add_metric((name,), load.running)
        live = sum(count for priority, count in load.waiting.items() if priority >= LIVE)
        waiting.add_metric((name, "live"), live)
        waiting.add_metric((name, "batch"), sum(load.waiting.values()) - live)
        for outcome in ("answered", "failed", "cancelled"):
            requests.add_metric((name, outcome), getattr(load, outcome))
        tokens.add_metric((name, "prompt"), load.prompt_tokens)
        tokens.add_metric((name, "completion"), load.completion_tokens)
        seconds.add_metric((name,), load.seconds)
    yield from (up, places, running, waiting, requests, tokens, seconds)
