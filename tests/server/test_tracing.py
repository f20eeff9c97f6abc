"""Traces: a real OTLP receiver over HTTP gets the spans of the service."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

import pedigree
from pedigree import tracing
from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import free_ports
from tests.server.conftest import Served, serving


class Collector(ThreadingHTTPServer):
    """Stores the received spans."""

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
    """A collector configured by the environment."""
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector
        collector.shutdown()


@contextmanager
def traced(settings: Settings) -> Iterator[Served]:
    """Run a service in a process of its own, and await that it has sent all that it traced.

    OpenTelemetry's SDK starts a thread in all that its process forks from then on, which bars it
    from a user namespace: it shall not be loaded in the process that other tests run in.
    """
    (port,) = free_ports(1)
    environment = {
        "PEDIGREE_HOME": str(settings.home),
        "PEDIGREE_DATABASE_URL": str(settings.database_url),
        "PEDIGREE_SERVE_DRAIN": "0s",
    }
    program = Path(sys.executable).with_name("pedigree")
    command = [program, "serve", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | environment) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx2.Client(transport=httpx2.HTTPTransport(retries=10)) as client:
                client.get(f"{url}/livez")
            with Registry.connect(settings=settings) as registry:
                yield Served(url, registry)
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.system
def test_a_trace_goes_from_the_caller_through_the_request_to_the_statements(
    collector: Collector, settings: Settings, name: str
) -> None:
    above = SpanContext(0xA11CE, 0xB0B, is_remote=False, trace_flags=TraceFlags(1))
    with traced(settings) as served:
        served.registry.create_model(name)
        token = served.registry.create_token("tracer", roles=[Role.READER]).secret
        with pedigree.connect(served.url, token=token) as registry:
            with use_span(NonRecordingSpan(above)):
                registry.model(name)
            registry.model(name)
        httpx2.get(f"{served.url}/readyz")
        httpx2.get(f"{served.url}/api/v1/models/{name}?q=private")

    followed, alone, refused = collector.named("GET /api/v1/models/{name}")
    assert int.from_bytes(followed.trace_id) == above.trace_id
    assert int.from_bytes(followed.parent_span_id) == above.span_id
    assert followed.kind == Span.SPAN_KIND_SERVER
    assert attributes(followed)["http.route"] == "/api/v1/models/{name}"
    assert attributes(followed)["http.response.status_code"] == 200
    assert alone.trace_id != followed.trace_id
    assert not alone.parent_span_id
    assert attributes(refused)["http.response.status_code"] == 401
    # Statements by their names: below the request, though it was answered in another thread.
    assert "model" in collector.below(followed)
    (ready,) = collector.named("GET /readyz")
    assert collector.below(ready) >= {"applied_migrations", "store.keys"}
    assert collector.services == {"pedigree"}
    spans = str(collector.spans)
    assert name not in spans
    assert "private" not in spans
    # What happens in no request, as the worker's look for deliveries, is no trace.
    assert all(span.parent_span_id for span in collector.spans if span.name == "model")


def test_what_was_configured_for_a_block_ends_with_it(collector: Collector) -> None:
    code = """
from pedigree import tracing
with tracing.configured():
    assert tracing.is_on()
    with tracing.request_span("GET", {}):
        pass
assert not tracing.is_on()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(collector.named("GET")) == 1


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
    assert "pip install 'pedigree-registry[otel]'" in caplog.text


def test_a_service_that_does_not_trace_loads_nothing_for_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [each for each in sys.modules if each.startswith("opentelemetry.")]:
        monkeypatch.delitem(sys.modules, module)
    with serving(settings) as served:
        assert httpx2.get(f"{served.url}/readyz").json()["ready"]
    assert not [each for each in sys.modules if each.startswith("opentelemetry.sdk")]
