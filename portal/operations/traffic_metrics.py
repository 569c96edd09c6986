"""How long pages take and what they answer: the one thing only the web processes know, counted in each of them.

Several processes of one replica write to files of a folder they share (PORTAL_METRICS_DIR), the way of
prometheus-client; without one each tells of itself alone.
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
disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each one, which nobody reads
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
    """Outside everything that makes a page, and inside the probes, which are not traffic."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        # Names of the portal's own, and no address a stranger made up: each would be a series for ever.
        view = request.resolver_match.view_name if request.resolver_match else "none"
        method = request.method if request.method in _METHODS else "other"
        _REQUESTS.labels(view, method, str(response.status_code)).inc()
        took = time.perf_counter() - began
        _SECONDS.labels(view).observe(took)
        # Acts are worth a line; of reading and polling nobody wants one each.
        level = logging.INFO if method == "POST" else logging.DEBUG
        _log.log(level, "%s %s: %d in %d ms", method, view, response.status_code, took * 1000)
        return response


def build_registry() -> CollectorRegistry:
    """What all web processes of this replica have counted."""
    if not settings.METRICS_DIR:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared, settings.METRICS_DIR)  # type: ignore[no-untyped-call]
    return shared
