"""OpenTelemetry traces, enabled by its standard environment variables.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``…_TRACES_ENDPOINT``) is the URL to which spans go, by OTLP
over HTTP. OpenTelemetry reads sampling, batches, headers and attributes from its own variables.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from pedigree.distribution import own_version
from pedigree.errors import MissingDependencyError
from pedigree.libraries import library

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_LOG = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer: "Tracer | None" = None


@contextmanager
def configured() -> Iterator[None]:
    """Trace during a block, if the environment enables it; flush the spans at its end."""
    global _tracer  # noqa: PLW0603 -- one tracer a process
    provider = _provider() if _tracer is None and _is_wanted() else None
    if provider is None:
        yield
        return
    _tracer = provider.get_tracer("pedigree", own_version())
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()


def is_on() -> bool:
    """Return whether this process traces."""
    return _tracer is not None


def request_span(method: str, headers: Mapping[str, str]) -> "AbstractContextManager[Span | None]":
    """Return a span for an incoming request, in the trace that its headers name."""
    if _tracer is None:
        return nullcontext()
    from opentelemetry.propagate import extract  # noqa: PLC0415 -- only if tracing is on
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    return _tracer.start_as_current_span(
        method,
        extract(headers),
        SpanKind.SERVER,
        {"http.request.method": method},
        record_exception=False,
    )


def part_of_request(
    name: str, system: Literal["postgresql", "object_store"]
) -> AbstractContextManager[object]:
    """Return a span for a call inside a request; a null context outside of a trace."""
    if _tracer is None:
        return nullcontext()
    from opentelemetry.trace import SpanKind, get_current_span  # noqa: PLC0415

    if not get_current_span().is_recording():
        return nullcontext()
    database = {"db.system.name": system, "db.query.summary": name}
    attributes = database if system == "postgresql" else {"pedigree.store.call": name}
    return _tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False
    )


def trace_id() -> str | None:
    """Return the ID of the current trace in hexadecimal; None outside of a trace."""
    if _tracer is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span  # noqa: PLC0415

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


def pass_on(headers: MutableMapping[str, str]) -> None:
    """Propagate the caller's active span, if there is one, in the headers of a request.

    A caller with a span has imported OpenTelemetry, so it is not imported for other callers.
    """
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry.propagate import inject  # noqa: PLC0415

        inject(headers)


def _is_wanted() -> bool:
    environment = os.environ
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp")
    return exporter == "otlp" and any(environment.get(name) for name in _ENDPOINTS)


def _provider() -> Any:
    """Return the tracer provider; None if its packages are not installed."""
    try:
        exporting = library("opentelemetry.exporter.otlp.proto.http.trace_exporter", extra="otel")
    except MissingDependencyError as error:
        # The variables may be set for all programs of a machine: the service still starts.
        _LOG.warning("tracing is off: %s", error, extra={"action": "tracing.missing"})
        return None
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "pedigree"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporting.OTLPSpanExporter()))
    return provider
