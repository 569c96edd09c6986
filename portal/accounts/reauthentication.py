"""Recent authentication of a session: allauth's record of methods and times, for decisions and for the audit log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

PROVIDER_METHOD = "openid_connect"
"""Method of an authentication by the OpenID provider, in sessions and in the audit log."""
_VOTE = "accepted_vote"
"""Key of the session: user and time of the last accepted vote on a change of low or medium risk."""


@dataclass(frozen=True)
class RecentAuth:
    """Authentication of a session: `methods`, time of the first (`signed_in_at`) and of the last one (`shown_at`).

    `fresh`: at the time of the request the last one was at most ACCOUNT_REAUTHENTICATION_TIMEOUT seconds ago.
    `extended`: it is not, but the last accepted vote of this session was, and the last authentication was at most
    REAUTHENTICATION_LATEST_S seconds ago. That is enough for a vote on a change of low or medium risk only.
    """

    fresh: bool
    methods: tuple[str, ...] = ()
    signed_in_at: datetime | None = None
    shown_at: datetime | None = None
    extended: bool = False

    def as_data(self) -> dict[str, object]:
        """Return what the audit log stores of it; the address is in every event."""
        return {
            "signed_in_with": list(self.methods),
            "signed_in_at": _text(self.signed_in_at),
            "presence_shown_at": _text(self.shown_at),
        }


def get_recent_auth(request: HttpRequest) -> RecentAuth:
    """Return the authentication of the request's user; not fresh if the session has no record of one."""
    records = get_authentication_records(request, request.user)
    if not records:
        return RecentAuth(fresh=False)
    first, last = records[0]["at"], max(map(_proved_at, records))
    fresh = _is_within(last, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
    return RecentAuth(
        fresh=fresh,
        methods=tuple(sorted({str(record["method"]) for record in records})),
        signed_in_at=datetime.fromtimestamp(first, UTC),
        shown_at=datetime.fromtimestamp(last, UTC) if last else None,
        extended=not fresh and _is_within(last, settings.REAUTHENTICATION_LATEST_S) and _has_just_voted(request),
    )


def record_accepted_vote(request: HttpRequest) -> None:
    """Note in the session that a vote on a change of low or medium risk was accepted, which extends `extended`."""
    request.session[_VOTE] = {"user": request.user.pk, "at": time.time()}


def uses_provider(request: HttpRequest) -> bool:
    """Return whether the user signed in with the OpenID provider, which alone can authenticate them again."""
    records = get_authentication_records(request, request.user) if request.user.is_authenticated else []
    return any(record["method"] == PROVIDER_METHOD for record in records)


def _proved_at(record: Mapping[str, Any]) -> float:
    """Return when the user proved their presence; 0 if the provider did not say when.

    A provider signs in without any question while its own session lasts, so the time of the record proves nothing.
    """
    return float(record["proved_at"] if record["method"] == PROVIDER_METHOD else record["at"])


def confirm_password(request: HttpRequest, password: str) -> RecentAuth:
    """Authenticate the user by password again, under a new session id.

    Raises ValidationError for a wrong password or too many attempts: both are logged and counted like failed sign-ins.
    """
    adapter = get_adapter(request)
    if not adapter.reauthenticate(request.user, password):
        raise adapter.validation_error("incorrect_password")
    with transaction.atomic():  # so that the event is recorded too, or nothing is
        reauthenticate_by_password(request)
    return get_recent_auth(request)


def _has_just_voted(request: HttpRequest) -> bool:
    vote = request.session.get(_VOTE)
    if not vote or vote["user"] != request.user.pk:
        return False
    return _is_within(vote["at"], settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def _is_within(at: float, seconds: int) -> bool:
    # abs(): if the host's clock was set back, a record from the future must not count as recent.
    return abs(time.time() - at) < seconds


def _text(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
