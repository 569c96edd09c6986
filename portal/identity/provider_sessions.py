"""Sessions of provider users: stored at the sign-in, and ended at the provider or by it."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.signals import authentication_step_completed
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.functions import Now
from django.dispatch import receiver
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils import timezone

from portal.audit.ledger import record_event
from portal.common import keyring
from portal.identity.models import ProviderAccount, ProviderSession

_ENTRY = "provider_session"
_PLACE = b"id token of a session"


def store_session(
    request: HttpRequest, account: ProviderAccount, *, sid: str, id_token: str, end_session_url: str
) -> None:
    """Store what a later sign-out needs. The session ends 12 hours later, however often it is used."""
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    row = ProviderSession.objects.create(account=account, session_key=request.session.session_key or "", sid=sid)
    encrypted = base64.urlsafe_b64encode(keyring.get_keyring().encrypt(id_token.encode(), _PLACE)).decode()
    request.session[_ENTRY] = {"row": row.pk, "id_token": encrypted, "end_session_url": end_session_url}


@receiver(authentication_step_completed, dispatch_uid="provider_session_id")
def follow_new_session_id(request: HttpRequest, reauthenticated: bool = False, **_: Any) -> None:
    """Store the id that the session got when its user authenticated again, in whatever way.

    Connected after the receiver of accounts that changes the id, because the app is loaded after accounts.
    """
    if not reauthenticated:
        return
    rows = ProviderSession.objects.filter(pk=request.session.get(_ENTRY, {}).get("row"))
    rows.update(session_key=request.session.session_key or "")


def find_sign_out_url(request: HttpRequest) -> str:
    """Return the URL that ends the session at the provider and returns to the sign-in page; '' if there is none."""
    stored = request.session.get(_ENTRY)
    if not stored or not _is_reachable(stored["end_session_url"]):
        return ""
    try:
        hint = keyring.get_keyring().decrypt(base64.urlsafe_b64decode(stored["id_token"]), _PLACE).decode()
    except (keyring.CannotDecrypt, binascii.Error):
        return ""
    back = f"{settings.BASE_URL}{resolve_url(settings.ACCOUNT_LOGOUT_REDIRECT_URL)}"
    sent = {"id_token_hint": hint, "post_logout_redirect_uri": back, "client_id": settings.OIDC_CLIENT_ID}
    return f"{stored['end_session_url']}?{urlencode(sent)}"


@transaction.atomic
def end_sessions(claims: dict[str, Any]) -> None:
    """End the sessions that a logout token names: one by `sid`, or all of a user by `sub` alone."""
    rows = ProviderSession.objects.filter(account__issuer=settings.OIDC_ISSUER)
    if claims.get("sid"):
        rows = rows.filter(sid=claims["sid"])
    if claims.get("sub"):
        rows = rows.filter(account__subject=claims["sub"])
    for row in rows.select_related("account__user"):
        if Session.objects.filter(session_key=row.session_key).delete()[0]:
            record_event("session.ended", data={"person": row.account.user.username, "ended_by": "provider"})
    rows.delete()


def delete_expired_sessions() -> int:
    """Delete rows of sessions that have expired; return how many."""
    age = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return ProviderSession.objects.filter(started_at__lt=Now() - age).delete()[0]


def _is_reachable(url: object) -> bool:
    """Return whether the content security policy lets the sign-out form reach the URL: it is at the issuer's origin."""
    return isinstance(url, str) and urlsplit(url)[:2] == urlsplit(settings.OIDC_ISSUER)[:2] and "?" not in url
