"""Traces: a real receiver of OTLP over HTTP gets what the service did for whom."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider

import pedigree
from pedigree import tracing
from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.api.conftest import serving


class Collector(ThreadingHTTPServer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.spans: list[Span] = []
        self.services: set[str] = set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def below(self, above: Span) -> set[str]:
        return {span.name for span in self.spans if span.parent_span_id == above.span_id}


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for each in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.services.add(attributes(each.resource)["service.name"])
            for scope in each.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in of.attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the environment names."""
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector
        collector.shutdown()


def test_a_trace_goes_from_the_caller_through_the_request_to_the_statements(
    collector: Collector, settings: Settings, name: str
) -> None:
    tracer = TracerProvider().get_tracer("a training")
    with serving(settings) as served:
        served.registry.create_model(name)
        token = served.registry.create_token("tracer", roles=[Role.READER]).secret
        with pedigree.connect(served.url, token=token) as registry:
            with tracer.start_as_current_span("train") as above:
                registry.model(name)
            registry.model(name)
        httpx.get(f"{served.url}/readyz")
        httpx.get(f"{served.url}/api/v1/models/{name}?q=private")
    assert not tracing.is_on()

    traced, alone, refused = collector.named("GET /api/v1/models/{name}")
    context = above.get_span_context()
    assert int.from_bytes(traced.trace_id) == context.trace_id
    assert int.from_bytes(traced.parent_span_id) == context.span_id
    assert traced.kind == Span.SPAN_KIND_SERVER
    assert attributes(traced)["http.route"] == "/api/v1/models/{name}"
    assert attributes(traced)["http.response.status_code"] == 200
    assert alone.trace_id != traced.trace_id
    assert not alone.parent_span_id
    assert attributes(refused)["http.response.status_code"] == 401
    # Statements by their names: below the request, though it was answered in another thread.
    assert "model" in collector.below(traced)
    (ready,) = collector.named("GET /readyz")
    assert collector.below(ready) >= {"applied_migrations", "store.size"}
    assert collector.services == {"pedigree"}
    told = str(collector.spans)
    assert name not in told
    assert "private" not in told
    # What happens in no request, as the worker's look for deliveries, is no trace.
    assert all(span.parent_span_id for span in collector.spans if span.name == "model")


def test_nothing_is_traced_where_the_variables_say_so(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
        with monkeypatch.context() as patch:
            patch.setenv(name, said)
            with tracing.configured():
                assert not tracing.is_on()


def test_a_service_without_the_packages_serves_without_traces(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, exporter, None)
    with tracing.configured():
        assert not tracing.is_on()
    assert "pip install 'pedigree[otel]'" in caplog.text


def test_a_service_that_does_not_trace_loads_nothing_for_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [each for each in sys.modules if each.startswith("opentelemetry.")]:
        monkeypatch.delitem(sys.modules, module)
    with serving(settings) as served:
        assert httpx.get(f"{served.url}/readyz").json()["ready"]
    assert not [each for each in sys.modules if each.startswith("opentelemetry.sdk")]
