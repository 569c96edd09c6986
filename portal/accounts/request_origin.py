"""Where the current request came from, for the audit log: set once at the door, read by the ledger."""

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
    """The client's address ('' in a worker) and an id that ties all events of one request together."""

    address: str = ""
    request_id: str = ""


_address: ContextVar[str] = ContextVar("address", default="")


def current_origin() -> RequestOrigin:
    """The origin of what runs now: in a task the id it was begun under, and no address; empty outside of both."""
    return RequestOrigin(_address.get(), request_id.current_request_id())


def get_client_address(request: HttpRequest) -> str:
    """The peer, or what the configured number of own proxies saw; a forged X-Forwarded-For is ignored.

    So is one that holds no IP address there, or one with a zone, which may be any text. The proxy must drop header
    names with underscores (production.md): WSGI spells X_Forwarded_For the same, so either may arrive.
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
    """Remembers the origin for the time of the request, and tells the client its id.

    A proxy that gave the request an id has its own taken over, so that its log and the portal's meet.
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
