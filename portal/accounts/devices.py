"""Signed-in devices of a user: the open sessions, each with the browser and the address that it was opened from.

Sessions last SESSION_COOKIE_AGE, so their table is small, and all of it is read to find those of one user.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from portal.accounts.models import User
from portal.accounts.request_origin import get_client_address
from portal.accounts.signals import device_signed_out

_ENTRY = "device"
# In this order: Edge and Opera name Chrome too, and Chrome names Safari.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@dataclass(frozen=True)
class Device:
    """Browser with an open session. `browser` and `system` are as its User-Agent says, '' if unknown.

    `handle` names it on pages; it is not the id of the session, which would open it.
    """

    handle: str
    browser: str
    system: str
    address: str
    signed_in_at: datetime | None
    current: bool


@receiver(user_logged_in, dispatch_uid="device_of_the_session")
def remember_device(request: HttpRequest | None, **_: Any) -> None:
    """Store in a new session where it was opened."""
    if request is None:
        return
    agent = request.headers.get("User-Agent", "")
    request.session[_ENTRY] = {
        "handle": secrets.token_urlsafe(12),
        "browser": next((name for token, name in _BROWSERS.items() if token in agent), ""),
        "system": next((name for token, name in _SYSTEMS.items() if token in agent), ""),
        "address": get_client_address(request),
        "at": timezone.now().isoformat(),
    }


def list_devices(request: HttpRequest) -> list[Device]:
    """Return the devices of the request's user: the one of the request first, then the newest sign-in first."""
    user = request.user
    own = request.session.session_key
    found = [_build_device(data, current=session.pk == own) for session, data in _iter_sessions(user)]
    found.sort(key=lambda device: device.signed_in_at.timestamp() if device.signed_in_at else 0, reverse=True)
    return sorted(found, key=lambda device: not device.current)


@transaction.atomic
def sign_out_device(request: HttpRequest, handle: str) -> Device | None:
    """End the session of another device of the request's user and return the device; None if there is none.

    The browser is signed out with its next request: a deleted session opens nothing and cannot be saved again.
    """
    user, own = request.user, request.session.session_key
    for session, data in _iter_sessions(user):
        device = _build_device(data, current=session.pk == own)
        if handle and secrets.compare_digest(device.handle, handle) and not device.current:
            session.delete()
            device_signed_out.send(sender=Session, user=user, signed_in_at=device.signed_in_at)
            return device
    return None


class SessionEndMiddleware:
    """Middleware that signs a user out SESSION_COOKIE_AGE after the sign-in, however often the session was used.

    Django alone would begin to count again with each write of the session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        signed_in_at = parse_datetime(request.session.get(_ENTRY, {}).get("at", ""))
        if signed_in_at is not None and timezone.now() - signed_in_at > timedelta(seconds=settings.SESSION_COOKIE_AGE):
            logout(request)
        return self.get_response(request)


def _iter_sessions(user: Any) -> Iterator[tuple[Session, dict[str, Any]]]:
    """Yield the open sessions of the user, without those that a new password has ended."""
    valid: User = user
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        data = session.get_decoded()
        if data.get(SESSION_KEY) == str(valid.pk) and data.get(HASH_SESSION_KEY) == valid.get_session_auth_hash():
            yield session, data


def _build_device(data: dict[str, Any], *, current: bool) -> Device:
    entry = data.get(_ENTRY, {})
    return Device(
        handle=str(entry.get("handle", "")),
        browser=str(entry.get("browser", "")),
        system=str(entry.get("system", "")),
        address=str(entry.get("address", "")),
        signed_in_at=parse_datetime(entry.get("at", "")),
        current=current,
    )
