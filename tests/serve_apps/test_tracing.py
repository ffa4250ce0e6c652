"""Traces: continued from callers, begun where there is none, and exported on demand."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from retrieval.chunk import Vectors
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import InvalidInputError
from retrieval.pipeline import Searcher
from serve_apps.api import create_app
from serve_apps.logs import trace_id
from serve_apps.services import Services
from serve_apps.settings import TracingSettings
from serve_apps.tracing import Carrier, Tracing, carrier, make_tracing
from tests.serve_apps.support import client_of, item, search, upsert

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class FarEmbedder:
    """Embeds as if in another process: all it gets of the trace is the carrier."""

    def __init__(self, embedder: AsyncEmbedder, tracing: Tracing) -> None:
        self._embedder = embedder
        self._tracing = tracing
        self.carriers: list[Carrier] = []

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions, below a span of its own."""
        self.carriers.append(carrier())
        with self._tracing.continued(self.carriers[-1], "embed_queries"):
            return await self._embedder.embed_queries(texts)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return await self._embedder.embed_passages(texts)


def traced(services: Services, tracing: Tracing) -> tuple[Services, FarEmbedder]:
    """Return `services` with traces, and their embedder."""
    embedder = FarEmbedder(services.embedder, tracing)
    searcher = Searcher(services.corpus, embedder, services.settings.search, spans=tracing.stage)
    parts = {
        name: getattr(services, name)
        for name in ("settings", "corpus", "jobs", "launcher", "metrics")
    }
    return Services(embedder=embedder, searcher=searcher, tracing=tracing, **parts), embedder


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Where the spans of `tracing` land."""
    exporter = InMemorySpanExporter()
    yield exporter
    exporter.shutdown()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Iterator[Tracing]:
    """A tracing that keeps its spans."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    yield Tracing(provider.get_tracer("test"))
    provider.shutdown()


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """Return the finished spans by name."""
    return {span.name: span for span in spans.get_finished_spans()}


def parent_of(span: ReadableSpan) -> str:
    """Return the id of the span above."""
    return format_span_id(span.parent.span_id) if span.parent else ""


def id_of(span: ReadableSpan) -> str:
    """Return the id of a span."""
    assert span.context is not None
    return format_span_id(span.context.span_id)


async def test_a_search_is_one_trace_from_gateway_to_stages(
    services: Services, tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    traced_services, _ = traced(services, tracing)
    async with client_of(create_app(traced_services)) as client:
        await upsert(client, item("doc-1", "microphone stands"))
        spans.clear()
        body = {"query": "microphone"}
        headers = {"traceparent": TRACEPARENT, "X-Request-ID": "mine"}
        answer = await client.post("/hirag/query", json=body, headers=headers)
    found = by_name(spans)
    stages = {f"search.{name}" for name in answer.json()["timings_ms"] if name != "total"}
    assert set(found) == stages | {"POST /hirag/query", "embed_queries"}
    assert {format_trace_id(span.context.trace_id) for span in found.values() if span.context} == {
        TRACE
    }
    root = found["POST /hirag/query"]
    assert (parent_of(root), root.kind) == (PARENT, SpanKind.SERVER)
    assert dict(root.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/hirag/query",
        "http.response.status_code": 200,
        "pmoves.request_id": "mine",
    }
    assert {parent_of(found[stage]) for stage in stages} == {id_of(root)}
    assert parent_of(found["embed_queries"]) == id_of(found["search.embed"])


async def test_failures_are_marked_without_what_they_quote(
    services: Services,
    tracing: Tracing,
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced_services, _ = traced(services, tracing)

    async def fail(_: object) -> Vectors:
        raise ValueError("text of a document")

    monkeypatch.setattr(services.embedder, "embed_queries", fail)
    async with client_of(create_app(traced_services)) as client:
        answer = await client.post("/hirag/query", json={"query": "x", "mode": "dense"})
    assert answer.status_code == 503
    found = by_name(spans)
    assert found["search.embed"].status.status_code is StatusCode.ERROR
    assert (found["search.embed"].attributes or {})["error.type"] == "ValueError"
    assert found["POST /hirag/query"].status.status_code is StatusCode.ERROR
    assert not any("text of a document" in span.to_json() for span in found.values())


async def test_probes_leave_no_spans(
    services: Services, tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    traced_services, _ = traced(services, tracing)
    async with client_of(create_app(traced_services)) as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            await client.get(path)
    assert not any(
        span.kind is SpanKind.SERVER for span in by_name(spans).values() if "/" in span.name
    )


async def test_without_an_exporter_a_trace_is_passed_on_all_the_same(services: Services) -> None:
    traced_services, embedder = traced(services, Tracing())
    headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    async with client_of(create_app(traced_services)) as client:
        await client.post("/hirag/query", json={"query": "x"}, headers=headers)
        await client.post("/hirag/query", json={"query": "x"})
        await client.post("/hirag/query", json={"query": "x"})
    told, *begun = embedder.carriers
    assert told == {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    ids = {each["traceparent"].split("-")[1] for each in begun}
    assert len(ids) == 2
    assert not ids & {TRACE, "0" * 32}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
    ],
)
def test_a_damaged_traceparent_begins_a_new_trace(value: str) -> None:
    with Tracing().continued({"traceparent": value}, "GET"):
        assert trace_id() not in ("", TRACE, "0" * 32)


async def test_two_traceparents_count_as_none(services: Services) -> None:
    traced_services, embedder = traced(services, Tracing())
    headers = [("traceparent", TRACEPARENT)] * 2
    async with client_of(create_app(traced_services)) as client:
        answer = await client.post("/hirag/query", json={"query": "x"}, headers=headers)
    assert answer.status_code == 200
    assert TRACE not in embedder.carriers[0]["traceparent"]


async def test_requests_side_by_side_keep_their_traces(
    services: Services, tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    traced_services, _ = traced(services, tracing)
    async with client_of(create_app(traced_services)) as client:
        await asyncio.gather(*(search(client, f"question {at}") for at in range(8)))
    above = {id_of(span) for span in spans.get_finished_spans() if span.name == "search.embed"}
    below = [parent_of(span) for span in spans.get_finished_spans() if span.name == "embed_queries"]
    assert (len(above), set(below)) == (8, above)


class Receiver(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP, as a collector does."""

    received: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        """Read an export request, answer an export response."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        assert self.headers["Content-Type"] == "application/x-protobuf"
        self.received.append(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Run a collector; yield its address and what it got."""
    received: list[ExportTraceServiceRequest] = []
    handler = type("Handler", (Receiver,), {"received": received})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
        finally:
            server.shutdown()
            thread.join()


async def test_spans_reach_a_collector(services: Services) -> None:
    with receiver() as (endpoint, received):
        tracing = make_tracing(TracingSettings(endpoint=endpoint), "gateway")
        traced_services, _ = traced(services, tracing)
        async with client_of(create_app(traced_services)) as client:
            headers = {"traceparent": TRACEPARENT}
            await client.post("/hirag/query", json={"query": "x"}, headers=headers)
        await asyncio.to_thread(tracing.close)
    resources = [part for request in received for part in request.resource_spans]
    spans = [span for part in resources for scope in part.scope_spans for span in scope.spans]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert {"POST /hirag/query", "search.embed", "embed_queries"} <= {span.name for span in spans}
    names = {
        attribute.value.string_value
        for attribute in resources[0].resource.attributes
        if attribute.key == "service.name"
    }
    assert names == {"pmoves-gateway"}


def test_callers_decide_over_their_own_traces_and_the_share_over_ours() -> None:
    with receiver() as (endpoint, received):
        settings = TracingSettings(endpoint=endpoint, sample_share=0.0)
        tracing = make_tracing(settings, "gateway")
        for given in ({}, {"traceparent": TRACEPARENT}, {"traceparent": TRACEPARENT[:-1] + "0"}):
            with tracing.continued(given, "GET"):
                pass
        tracing.close()
    ids = [
        span.parent_span_id.hex()
        for request in received
        for part in request.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]
    assert ids == [PARENT]


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
    )
    with pytest.raises(InvalidInputError, match=r"pmoves-mesh\[tracing\]"):
        make_tracing(TracingSettings(endpoint="http://127.0.0.1:4318/v1/traces"), "gateway")
    assert isinstance(make_tracing(TracingSettings(), "gateway"), Tracing)


async def test_a_broken_collector_does_not_touch_searches(services: Services) -> None:
    endpoint = "http://127.0.0.1:9/v1/traces"
    traced_services, _ = traced(
        services, make_tracing(TracingSettings(endpoint=endpoint), "gateway")
    )
    async with client_of(create_app(traced_services)) as client:
        assert (await client.post("/hirag/query", json={"query": "x"})).status_code == 200
