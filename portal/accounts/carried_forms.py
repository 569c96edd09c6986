"""Forms that are sent after their session ended: their input travels through the sign-in, and comes back in the form.

The input is an encrypted token in the sign-in form, bound to the user who opened the form. After the sign-in of that
user it waits in the session; another user gets nothing of it. It never contains a password or a client secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import Any

from allauth.account.signals import authentication_step_completed
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, QueryDict

from portal.accounts.models import User
from portal.common import keyring

FIELD = "carried"
"""Name of the hidden field, and of the entry of the session."""
LIFETIME_S = 3600


@dataclass(frozen=True)
class CarriedForm:
    """Input of a form that was sent to `path`, without secrets."""

    path: str
    data: QueryDict


def encode_form(form: CarriedForm, owner: str) -> str:
    """Return the form as an encrypted token that only the user with the id `owner` gets back."""
    text = json.dumps({"at": int(time.time()), "path": form.path, "data": form.data.urlencode()})
    return base64.urlsafe_b64encode(keyring.get_keyring().encrypt(text.encode(), _place(owner))).decode()


def decode_form(token: str, owner: str) -> CarriedForm | None:
    """Return the form, or None if the token is another user's, was altered or is older than LIFETIME_S."""
    try:
        text = keyring.get_keyring().decrypt(base64.urlsafe_b64decode(token), _place(owner))
    except (keyring.CannotDecrypt, binascii.Error, ValueError):
        return None
    found: dict[str, Any] = json.loads(text)
    if time.time() - found["at"] > LIFETIME_S:
        return None
    return CarriedForm(found["path"], QueryDict(found["data"]))


def find_carried_form(request: HttpRequest) -> CarriedForm | None:
    """Return the form that came through the sign-in of this session, or None."""
    return decode_form(request.session.get(FIELD, ""), str(request.user.pk))


@receiver(user_logged_in, dispatch_uid="carried_form")
def on_logged_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Keep the form of this user in the new session."""
    if request is not None and request.method == "POST":
        store_form(request, user, request.POST.get(FIELD, ""))


@receiver(authentication_step_completed, dispatch_uid="carried_form_before_second_factor")
def on_password_accepted(request: HttpRequest, user: User, reauthenticated: bool = False, **_: Any) -> None:
    """Keep the form of this user while a second factor is asked for, which is a request of its own."""
    if not reauthenticated and request.method == "POST":
        store_form(request, user, request.POST.get(FIELD, ""))


def store_form(request: HttpRequest, user: User, token: str) -> None:
    """Store the form in the session, if the token is this user's."""
    if token and decode_form(token, str(user.pk)) is not None:
        request.session[FIELD] = token


def _place(owner: str) -> bytes:
    return f"carried form|{owner}".encode()
