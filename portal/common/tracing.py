"""OpenTelemetry spans of pages and tasks, if PORTAL_TRACING is on and requirements/otel.txt is installed.

OTEL_EXPORTER_OTLP_ENDPOINT sets where spans are sent, as in every OpenTelemetry program. Only celery.py and wsgi.py
import this module, if tracing is on: the portal runs without these packages.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span

_ADDRESSES = ("http.url", "http.target", "url.full")


def start_tracing(processor: SpanProcessor | None = None) -> None:
    """Start tracing in this process. Must run before Django loads its middleware, and after any fork."""
    provider = TracerProvider(resource=Resource.create({"service.name": "countersign"}))
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    DjangoInstrumentor().instrument(
        tracer_provider=provider, excluded_urls="health/,metrics", request_hook=_address, response_hook=_name
    )
    CeleryInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]


def stop_tracing() -> None:
    """Remove the instrumentation."""
    CeleryInstrumentor().uninstrument()  # type: ignore[no-untyped-call]
    DjangoInstrumentor().uninstrument()


def _address(span: Span, request: HttpRequest) -> None:
    """Record the path without the query: search terms must not leave the portal."""
    for name in _ADDRESSES:
        span.set_attribute(name, request.path)
    span.set_attribute("url.query", "")


def _name(span: Span, _request: HttpRequest, response: HttpResponse) -> None:
    """Record the id that log lines and events of this request have."""
    span.set_attribute("request.id", response.get("X-Request-ID", ""))
