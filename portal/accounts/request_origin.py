"""Origin of the current request, for the audit log: set by the middleware, read by the ledger."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.common import request_id


@dataclass(frozen=True)
class RequestOrigin:
    """Client address ('' in a worker) and the id that ties all events of one request together."""

    address: str = ""
    request_id: str = ""


_address: ContextVar[str] = ContextVar("address", default="")


def current_origin() -> RequestOrigin:
    """Return the current origin: in a task the request id without an address; empty outside of requests and tasks."""
    return RequestOrigin(_address.get(), request_id.current_request_id())


def get_client_address(request: HttpRequest) -> str:
    """Return the peer's address, or the one that the configured number of own proxies saw.

    Ignores other parts of X-Forwarded-For, which may be forged, and a part that is no IP address or has a zone, which
    may be any text. The proxy must drop header names with underscores (production.md): WSGI maps X_Forwarded_For to
    the same variable.
    """
    proxies: int = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if proxies and len(forwarded) >= proxies:
        with suppress(ValueError):
            parsed = ipaddress.ip_address(forwarded[-proxies])
            if not (isinstance(parsed, ipaddress.IPv6Address) and parsed.scope_id is not None):
                return str(parsed)
    return str(request.META.get("REMOTE_ADDR", ""))[:64]


class OriginMiddleware:
    """Middleware that stores the origin for the time of the request and sends the request id to the client.

    An id that a proxy gave the request is used, so that the logs of proxy and portal can be matched.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _address.set(get_client_address(request))
        try:
            with request_id.request_id_context(request_id.accept_request_id(request.headers.get("X-Request-ID"))):
                response = self.get_response(request)
                response["X-Request-ID"] = request_id.current_request_id()
                return response
        finally:
            _address.reset(token)
