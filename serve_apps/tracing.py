"""Traces (W3C Trace Context, OpenTelemetry): gateway → embedder → stages of a search.

Traces of callers are always continued, and requests without one get one. Spans are
recorded only where an exporter is configured.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from retrieval.errors import InvalidInputError
from serve_apps.settings import TracingSettings
from serve_apps.version import version_of

Carrier = dict[str, str]
_propagator = TraceContextTextMapPropagator()
_NOTHING = Context()


class Tracing:
    """Opens spans with `tracer`, the SDK's; without one nothing is recorded.

    `close` sends what is left and ends the exporter.
    """

    def __init__(
        self, tracer: trace.Tracer | None = None, close: Callable[[], None] = lambda: None
    ) -> None:
        self.close = close
        self._tracer = tracer or trace.NoOpTracer()
        self._records = tracer is not None

    def continued(
        self, carrier: Mapping[str, str], name: str, kind: SpanKind = SpanKind.SERVER
    ) -> AbstractContextManager[Span]:
        """Open a span below the trace that `carrier`, headers in lower case, speaks of."""
        context = _propagator.extract(carrier, context=_NOTHING)
        if not self._records and not context:
            context = _new_trace()
        return self._span(name, kind, context)

    def stage(self, name: str) -> AbstractContextManager[Span]:
        """Open a span for one stage of a search, below the current one."""
        if not self._records:
            return nullcontext(trace.get_current_span())
        return self._span(f"search.{name}", SpanKind.INTERNAL, None)

    @contextmanager
    def _span(self, name: str, kind: SpanKind, context: Context | None) -> Iterator[Span]:
        # The SDK would record messages of exceptions, which may quote documents.
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise


def carrier() -> Carrier:
    """Return the headers by which another process continues the current trace."""
    made: Carrier = {}
    _propagator.inject(made)
    return made


def make_tracing(settings: TracingSettings, part: str) -> Tracing:
    """Return the tracing of one part of the mesh, such as "gateway".

    Raises `InvalidInputError` where an endpoint is set, but the packages are missing.
    """
    if not settings.endpoint:
        return Tracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
    except ImportError as error:
        raise InvalidInputError(
            "tracing.endpoint: traces need more packages; install them by "
            "`pip install 'pmoves-mesh[tracing]'`, or leave PMOVES_TRACING__ENDPOINT empty."
        ) from error
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(settings.sample_share),
        resource=Resource.create({"service.name": f"pmoves-{part}"}),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint)))
    return Tracing(provider.get_tracer("pmoves", version_of("pmoves-mesh")), provider.shutdown)


def _new_trace() -> Context:
    """Return a trace that begins here; nobody records it."""
    span = SpanContext(secrets.randbits(128) or 1, secrets.randbits(64) or 1, False, TraceFlags(0))
    return trace.set_span_in_context(trace.NonRecordingSpan(span), _NOTHING)
