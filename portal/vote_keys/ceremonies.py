"""Exchange with the browser: a session waits for one signature or registration, for two minutes, used once."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.accounts.models import User
from portal.vote_keys import registration
from portal.vote_keys.commands import RegisteredKey
from portal.vote_keys.models import VoteKey
from portal.vote_keys.registration import InvalidRegistration
from portal.vote_keys.signed_text import SignedText, parse_assertion

_TEXT, _REGISTRATION = "text_to_sign", "vote_key_registration"
_SECONDS = 120


def begin_signature(request: HttpRequest, text: str) -> dict[str, Any]:
    """Keep the text in the session and return the options for `navigator.credentials.get`."""
    keys = list_signing_keys(request.user)  # type: ignore[arg-type]
    known = {key.credential: key.fingerprint for key in keys}
    request.session[_TEXT] = {"text": text, "user": request.user.pk, "at": time.time(), "keys": known}
    return {
        "publicKey": {
            "challenge": urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("="),
            "rpId": registration.rp_id(),
            "allowCredentials": [{"type": "public-key", "id": credential} for credential in known],
            "userVerification": "required",
            "timeout": _SECONDS * 1000,
        }
    }


def take_signature(request: HttpRequest, posted: str) -> SignedText | None:
    """Return what the browser signed, and forget the text; None if nothing was posted.

    An answer that is late, of another session or malformed becomes a signature without a text, which never holds.
    """
    kept = request.session.pop(_TEXT, None)
    if not posted:
        return None
    signed = None
    if kept and kept["user"] == request.user.pk and 0 <= time.time() - kept["at"] < _SECONDS:
        signed = parse_assertion(posted, text=kept["text"], keys=kept["keys"])
    return signed or SignedText("", "", "", "", "")


def signs_votes(user: User) -> bool:
    """Return whether the user's votes are signed: signed votes are on, and a key of this site is confirmed."""
    own = VoteKey.objects.usable_by(user, origin=settings.BASE_URL).filter(confirmation__isnull=False)
    return settings.SIGNED_VOTES != "off" and own.exists()


def list_signing_keys(user: User) -> list[VoteKey]:
    """Return the user's keys that were made on this site and are not revoked."""
    return list(VoteKey.objects.usable_by(user, origin=settings.BASE_URL).order_by("pk"))


def begin_registration(request: HttpRequest) -> dict[str, Any]:
    """Keep the state of a registration in the session and return the options for `navigator.credentials.create`."""
    options, state = registration.begin_registration(request.user)  # type: ignore[arg-type]
    request.session[_REGISTRATION] = {"state": state, "user": request.user.pk, "at": time.time()}
    return options


def take_registration(request: HttpRequest, posted: str) -> RegisteredKey:
    """Return the passkey that the browser registered. Raises InvalidRegistration, also if it is late."""
    kept = request.session.pop(_REGISTRATION, None)
    if not kept or kept["user"] != request.user.pk or not 0 <= time.time() - kept["at"] < _SECONDS:
        raise InvalidRegistration
    return registration.complete_registration(kept["state"], posted)
