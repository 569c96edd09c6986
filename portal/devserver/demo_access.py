"""Requests that may use the sign-in without a password: the demo is on, and the request never left this host."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.http import Http404, HttpRequest

from portal.accounts.models import User
from portal.common.env import is_loopback_url
from portal.devserver.demo_users import PEOPLE

METHOD = "demo"
"""Method of authentication in sessions and in the audit log."""
_FORWARDED = ("Forwarded", "Via", "X-Real-IP")


def has_demo_access(request: HttpRequest) -> bool:
    """Return whether the demo is on and base URL, Host and peer are loopback addresses, without any proxy between."""
    if (
        not settings.PORTAL_DEMO
        or not settings.PASSWORD_SIGN_IN
        or settings.TRUSTED_PROXIES
        or not is_loopback_url(settings.BASE_URL)
    ):
        return False
    if any(name.lower().startswith("x-forwarded") for name in request.headers):
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host))


def require_demo_access(request: HttpRequest) -> None:
    """Raise Http404 unless has_demo_access()."""
    if not has_demo_access(request):
        raise Http404


def is_demo_session(request: HttpRequest) -> bool:
    """Return whether a demo account is signed in, from this host."""
    user = getattr(request, "user", None)
    return isinstance(user, User) and user.is_demo and user.username in PEOPLE and has_demo_access(request)


def record_demo_authentication(request: HttpRequest, user: User, *, again: bool) -> None:
    """Record in the session that the user authenticated by the method demo; `again`: during the session."""
    record_authentication(request, user, METHOD, **({"reauthenticated": True} if again else {}))


def _is_loopback(address: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return False
