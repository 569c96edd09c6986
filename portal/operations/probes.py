"""Probes for monitoring: /health/live, /health/ready and /metrics. Answered before anything that a page needs.

A probe may name no allowed host, uses plain http and must be answered while the database is away: therefore these are
not views below sessions, redirects and error pages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST

from portal.operations import health, metrics
from portal.operations.health import HealthCheck

_FRESH_S = 2.0
_alone = threading.Lock()
_last: tuple[float, list[HealthCheck]] = (-_FRESH_S, [])


class ProbeMiddleware:
    """Middleware that answers the probes; above every other one that answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = _PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        response = probe(request) if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def live_probe(_request: HttpRequest) -> HttpResponse:
    """Return 200 while the process runs. Checks no dependency."""
    return JsonResponse({"status": "ok"})


def ready_probe(request: HttpRequest) -> HttpResponse:
    """Return 503 if this process can serve nothing, else 200. Reasons are shown only with the metrics token."""
    checks = _checks()
    unready = any(check.needed and not check.ok for check in checks)
    status = "unready" if unready else "ok" if all(check.ok for check in checks) else "degraded"
    told = _reason if has_metrics_token(request) else _word
    return JsonResponse(
        {"status": status, "checks": {check.name: told(check) for check in checks}}, status=503 if unready else 200
    )


def metrics_probe(request: HttpRequest) -> HttpResponse:
    """Return the metrics if the request has the token. No check of addresses, which behind a proxy prove nothing."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("PORTAL_METRICS_TOKEN is not set: there are no metrics.\n", "text/plain", status=404)
    if not has_metrics_token(request):
        return HttpResponse(
            "Show PORTAL_METRICS_TOKEN as a bearer token.\n",
            "text/plain",
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(metrics.render_metrics(), CONTENT_TYPE_LATEST)


def has_metrics_token(request: HttpRequest) -> bool:
    """Return whether the request has PORTAL_METRICS_TOKEN; False if that is not set."""
    token: str = settings.METRICS_TOKEN
    return bool(token) and constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {token}")


def _checks() -> list[HealthCheck]:
    """Run the checks at most every two seconds, for all requests: anyone may probe, and must not load the database."""
    global _last
    with _alone:
        if time.monotonic() - _last[0] >= _FRESH_S:
            checks = health.run_health_checks()
            _last = (time.monotonic(), checks)
        return _last[1]


def _word(check: HealthCheck) -> str:
    return "ok" if check.ok else "not ok"


def _reason(check: HealthCheck) -> dict[str, str]:
    return {"status": _word(check)} | ({"reason": check.reason} if check.reason else {})


_PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/health/live": live_probe,
    "/health/ready": ready_probe,
    "/metrics": metrics_probe,
}
