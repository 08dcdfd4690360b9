"""Spans of requests, jobs, pieces, stages and engine requests. Loaded only where traces are asked for.

A job has a trace of its own whose ids follow from the job's: whichever process works on a job, before or after a
restart, adds to the same trace. The request that made the job, or asked about it, has a link to it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self, cast

from omnipipe.errors import ConfigError, MissingExtraError

try:
    from opentelemetry import context as contexts
    from opentelemetry import propagate, trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import Decision
except ImportError as error:
    _package, _command = "opentelemetry-sdk", "pip install omnipipe[tracing]"
    raise MissingExtraError("OTEL_* asks for traces, which", _package, _command) from error

import omnipipe

if TYPE_CHECKING:
    from starlette.types import Scope

    from omnipipe.model import Completion
    from omnipipe.online.job import Job
    from omnipipe.online.piece import Piece, PieceResult
    from omnipipe.online.web.exchange import Exchange

_SPAN = "omnipipe.span"
_next_ids: ContextVar[tuple[int, int] | None] = ContextVar("_next_ids", default=None)


class _Ids(IdGenerator):
    """Random ids, but for the span that is begun with ids of its own."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        own = _next_ids.get()
        return self._random.generate_trace_id() if own is None else own[0]

    def generate_span_id(self) -> int:
        own = _next_ids.get()
        return self._random.generate_span_id() if own is None else own[1]


class Spans:
    """Makes spans and sends them to `exporter`; also an observer of requests (`omnipipe.online.web.exchange`)."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource.create({"service.name": "omnipipe", "service.version": omnipipe.__version__})
        self._provider = TracerProvider(resource=resource, id_generator=_Ids())
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("omnipipe", omnipipe.__version__)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """As OpenTelemetry's variables say: OTLP over HTTP, over gRPC where its exporter is installed, or the console.

        Raises:
            MissingExtraError: The exporter is not installed.
            ConfigError: OTEL_TRACES_EXPORTER names another one.
        """
        name = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
        if name == "console":
            return cls(ConsoleSpanExporter())
        if name != "otlp":
            raise ConfigError(f"OTEL_TRACES_EXPORTER={name[:80]} is not known here. Use otlp, console or none.")
        protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get(
            "OTEL_EXPORTER_OTLP_PROTOCOL", ""
        )
        if protocol.strip().lower() == "grpc":
            return cls(_grpc_exporter())
        return cls(_http_exporter())

    def flush(self) -> None:
        """Send what is finished."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send what is finished, and nothing after that."""
        self._provider.shutdown()

    def begin(self, scope: Scope) -> None:
        """See `Observer`: the request's span is the current one until its end."""
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        span = self._tracer.start_span("request", propagate.extract(carrier), kind=trace.SpanKind.SERVER)
        scope[_SPAN] = (span, contexts.attach(trace.set_span_in_context(span)))

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """See `Observer`."""
        span, token = scope[_SPAN]
        contexts.detach(token)
        span.update_name(f"{exchange.method} {exchange.route}")
        span.set_attributes(
            {
                "http.request.method": exchange.method,
                "http.route": exchange.route,
                "http.response.status_code": exchange.status,
                "http.request.body.size": exchange.bytes_in,
                "http.response.body.size": exchange.bytes_out,
                "omnipipe.request_id": exchange.request_id,
            }
        )
        if exchange.job_id is not None:
            span.add_link(self._job_context(exchange.job_id))
        if exchange.status >= 500:
            span.set_status(trace.StatusCode.ERROR)
        span.end()

    def job(self, job: Job) -> None:
        """The whole span of a job that is final."""
        context = self._job_context(job.id)
        token = _next_ids.set((context.trace_id, context.span_id))
        try:
            span = self._tracer.start_span("job", contexts.Context(), start_time=_nanoseconds(job.created_at))
        finally:
            _next_ids.reset(token)
        span.set_attributes(
            {
                "omnipipe.state": job.state,
                "omnipipe.pipeline": job.asked.pipeline,
                "omnipipe.bytes": job.size,
                "omnipipe.rows": job.num_rows,
            }
        )
        span.end(_nanoseconds(job.finished_at or time.time()))

    @contextmanager
    def piece(self, piece: Piece) -> Iterator[Callable[[PieceResult], None]]:
        """A span while a worker has `piece`; what is called with its result adds a span a stage below it."""
        job = trace.set_span_in_context(trace.NonRecordingSpan(self._job_context(piece.job_id)), contexts.Context())
        # Not the errors themselves: a message may quote a document.
        with self._tracer.start_as_current_span(
            "piece", job, record_exception=False, set_status_on_exception=False
        ) as span:
            begun = time.time_ns()
            span.set_attribute("omnipipe.alone", piece.alone)
            if piece.spans is not None:
                span.set_attribute("omnipipe.spans", ",".join(f"{start}-{stop}" for start, stop in piece.spans))

            def done(result: PieceResult) -> None:
                span.set_attributes(
                    {
                        "omnipipe.rows": len(result.rows),
                        "omnipipe.prompt_tokens": result.prompt_tokens,
                        "omnipipe.completion_tokens": result.completion_tokens,
                    }
                )
                self._stages(begun, result.stage_seconds)

            with _told_of_failure(span):
                yield done

    @contextmanager
    def engine_request(self, model: str) -> Iterator[Callable[[Completion], None]]:
        """A span while an engine has a request, below the span that is current."""
        span = self._tracer.start_span(f"generate {model}", kind=trace.SpanKind.CLIENT)
        span.set_attribute("gen_ai.request.model", model)

        def done(completion: Completion) -> None:
            span.set_attributes(
                {
                    "gen_ai.usage.input_tokens": completion.prompt_tokens or 0,
                    "gen_ai.usage.output_tokens": completion.completion_tokens or 0,
                }
            )

        try:
            with _told_of_failure(span):
                yield done
        finally:
            span.end()

    def _stages(self, begun: int, seconds: Mapping[str, float]) -> None:
        """One span a stage, one after the other: pages take turns in them, and only the sums are known."""
        for stage, duration in seconds.items():
            ended = begun + int(duration * 1e9)
            span = self._tracer.start_span(stage, start_time=begun)
            span.set_attribute("omnipipe.is_sum", True)
            span.end(ended)
            begun = ended

    def _job_context(self, job_id: str) -> trace.SpanContext:
        # Not the id itself: a trace travels further than a job's id may.
        digest = hashlib.sha256(f"omnipipe trace of job {job_id}".encode()).digest()
        trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
        decided = self._provider.sampler.should_sample(None, trace_id, "job").decision
        is_sampled = decided is Decision.RECORD_AND_SAMPLE
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if is_sampled else trace.TraceFlags.DEFAULT)
        return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


@contextmanager
def _told_of_failure(span: trace.Span) -> Iterator[None]:
    """The kind of an error is the span's status."""
    try:
        yield
    except BaseException as problem:
        span.set_status(trace.StatusCode.ERROR, type(problem).__name__)
        raise


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def _http_exporter() -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        package = "opentelemetry-exporter-otlp-proto-http"
        raise MissingExtraError("OTEL_* asks for traces, which", package, "pip install omnipipe[tracing]") from error
    return cast("SpanExporter", OTLPSpanExporter())


def _grpc_exporter() -> SpanExporter:
    package = "opentelemetry-exporter-otlp-proto-grpc"
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        feature = "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
        raise MissingExtraError(feature, package, f"pip install {package}") from error
    return cast("SpanExporter", OTLPSpanExporter())
