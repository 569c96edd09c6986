"""People of the provider, from people.json: read again for each sign-in and each token, so that groups can change."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

PEOPLE_FILE = "people.json"
_sessions: dict[int, dict[str, Any]] = {}
"""Claims about the last sign-in of each user, by user id."""


def read_people() -> dict[str, dict[str, Any]]:
    """Return the people by user name, each with `password`, `name`, and `claims` that are added to the ID token."""
    people: dict[str, dict[str, Any]] = json.loads(
        (Path(os.environ["OPENID_PROVIDER_DIR"]) / PEOPLE_FILE).read_text(encoding="utf-8")
    )
    return people


class PeopleBackend(BaseBackend):
    """Compares the password with people.json, and creates the user's row at the first sign-in."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:  # noqa: ARG002
        """Return the user, or None if name or password are wrong."""
        username = credentials.get("username") or ""
        person = read_people().get(username)
        if person is None or not constant_time_compare(person["password"], credentials.get("password") or ""):
            return None
        first, _space, last = person["name"].partition(" ")
        user, _new = get_user_model().objects.update_or_create(
            username=username, defaults={"first_name": first, "last_name": last, "password": "in people.json"}
        )
        return user

    def get_user(self, user_id: int) -> Any:
        """Return the user of a session."""
        return get_user_model().objects.filter(pk=user_id).first()


class ProviderAdapter(DefaultOIDCAdapter):  # type: ignore[misc]
    """Adapter that adds the person's claims, and those about the sign-in, to the ID token."""

    def get_issuer(self) -> str:
        """Return the issuer under which the provider was started."""
        return os.environ["OPENID_PROVIDER_ISSUER"]

    def get_claims(self, purpose: str, user: Any, client: Any, scopes: Any, **options: Any) -> dict[str, Any]:
        """Return the claims of the ID token or of the userinfo endpoint."""
        claims: dict[str, Any] = super().get_claims(purpose, user, client, scopes, **options)
        if purpose == "id_token":
            claims |= _sessions.get(user.pk, {}) | read_people()[user.username]["claims"]
        return claims


@receiver(authentication_step_completed, dispatch_uid="provider_auth_time")
def on_authenticated(user: Any, *, reauthenticated: bool = False, **_: Any) -> None:
    """Remember when and in which session the user entered the password."""
    known = _sessions.get(user.pk, {}) if reauthenticated else {}
    _sessions[user.pk] = {"sid": secrets.token_hex(8), **known, "auth_time": int(time.time()), "amr": ["pwd"]}
