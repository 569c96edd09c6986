"""How the person of a session showed who they are, and when: allauth's record of it, for decisions and for the log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest


@dataclass(frozen=True)
class RecentAuth:
    """`methods` by which somebody showed who they are, when they did so first (signed in) and last (`shown_at`).

    `fresh`: the last time is not longer ago than ACCOUNT_REAUTHENTICATION_TIMEOUT, as of the request.
    """

    fresh: bool
    methods: tuple[str, ...] = ()
    signed_in_at: datetime | None = None
    shown_at: datetime | None = None

    def as_data(self) -> dict[str, object]:
        """What the log keeps of it, beside the address that every event has."""
        return {
            "signed_in_with": list(self.methods),
            "signed_in_at": _text(self.signed_in_at),
            "presence_shown_at": _text(self.shown_at),
        }


def get_recent_auth(request: HttpRequest) -> RecentAuth:
    """Of the person of this request; never fresh where the session knows nothing about it."""
    records = get_authentication_records(request, request.user)
    if not records:
        return RecentAuth(fresh=False)
    first, last = records[0]["at"], records[-1]["at"]
    return RecentAuth(
        # Both ways, so that a clock that was set back makes nobody present for an hour.
        fresh=abs(time.time() - last) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT,
        methods=tuple(sorted({str(record["method"]) for record in records})),
        signed_in_at=datetime.fromtimestamp(first, UTC),
        shown_at=datetime.fromtimestamp(last, UTC),
    )


def confirm_password(request: HttpRequest, password: str) -> RecentAuth:
    """The person's password once more: they are present from now on, under a new session id.

    Raises ValidationError for a wrong one, or for one too many: both are in the log and count as failed sign-ins do.
    """
    adapter = get_adapter(request)
    if not adapter.reauthenticate(request.user, password):
        raise adapter.validation_error("incorrect_password")
    with transaction.atomic():  # with its event or not at all
        reauthenticate_by_password(request)
    return get_recent_auth(request)


def _text(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
