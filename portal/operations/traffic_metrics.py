"""Metrics of requests, which only the web processes know: duration and status, counted in each process.

Several processes of one replica write to files in a shared folder (PORTAL_METRICS_DIR), as prometheus-client does;
without that folder each process reports only itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector

if settings.METRICS_DIR:
    Path(settings.METRICS_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)
disable_created_metrics()  # type: ignore[no-untyped-call]  # they would be another series per metric that nothing reads
_REQUESTS = Counter("countersign_web_requests", "Requests by page, method and status.", ["view", "method", "code"])
_SECONDS = Histogram(
    "countersign_web_request_seconds",
    "How long they took, by page.",
    ["view"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_log = logging.getLogger(__name__)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TrafficMiddleware:
    """Middleware that counts requests: above everything that renders a page, below the probes, which do not count."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        # Names of views, never a path from the client: each would be a series that stays.
        view = request.resolver_match.view_name if request.resolver_match else "none"
        method = request.method if request.method in _METHODS else "other"
        _REQUESTS.labels(view, method, str(response.status_code)).inc()
        took = time.perf_counter() - began
        _SECONDS.labels(view).observe(took)
        # POST requests are logged; a line for each GET and poll would fill the log.
        level = logging.INFO if method == "POST" else logging.DEBUG
        _log.log(level, "%s %s: %d in %d ms", method, view, response.status_code, took * 1000)
        return response


def build_registry() -> CollectorRegistry:
    """Return the registry with the counts of all web processes of this replica."""
    if not settings.METRICS_DIR:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared, settings.METRICS_DIR)  # type: ignore[no-untyped-call]
    return shared
