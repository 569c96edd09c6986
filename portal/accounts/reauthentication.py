"""Recent authentication of a session: allauth's record of methods and times, for decisions and for the audit log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.accounts.factors.inventory import RECOVERY_CODES, SECOND_FACTORS, list_factor_types

PROVIDER_METHOD = "openid_connect"
"""Method of an authentication by the OpenID provider, in sessions and in the audit log."""
_VOTE = "accepted_vote"
"""Key of the session: user and time of the last accepted vote on a change of low or medium risk."""


class Confirmation(StrEnum):
    """Way in which a user confirms who they are: the strongest that they have."""

    SECOND_FACTOR = "second_factor"
    PROVIDER = "provider"
    PASSWORD = "password"  # noqa: S105 - a method, not a password


@dataclass(frozen=True)
class RecentAuth:
    """Authentication of a session: `methods`, time of the first (`signed_in_at`) and of the last one (`shown_at`).

    `fresh`: at the time of the request the last one was at most ACCOUNT_REAUTHENTICATION_TIMEOUT seconds ago.
    `extended`: it is not, but the last accepted vote of this session was, and the last authentication was at most
    REAUTHENTICATION_LATEST_S seconds ago. That is enough for a vote on a change of low or medium risk only.
    `shown_with`: method of the last one; `second_factor`: whether it was a second factor. Once a session has shown one,
    a password is no longer a proof. `recovery_code`: the only second factor was a recovery code, which is no proof.
    `confirmation`: the way in which the user can confirm if it is not fresh.
    """

    fresh: bool
    methods: tuple[str, ...] = ()
    signed_in_at: datetime | None = None
    shown_at: datetime | None = None
    extended: bool = False
    shown_with: str = ""
    second_factor: bool = False
    recovery_code: bool = False
    confirmation: Confirmation = Confirmation.PASSWORD

    def as_data(self) -> dict[str, object]:
        """Return what the audit log stores of it; the address is in every event."""
        return {
            "signed_in_with": list(self.methods),
            "signed_in_at": _text(self.signed_in_at),
            "presence_shown_at": _text(self.shown_at),
            "presence_shown_with": self.shown_with,
            "second_factor": self.second_factor,
        }

    def request_sentence(self) -> str:
        """Return what the user must do, if it is not fresh."""
        if self.recovery_code:
            return _(
                "You signed in with a recovery code, which only opens Countersign. Confirm with your passkey or your "
                "authenticator app. If you have lost it, add another one under Second factor."
            )
        match self.confirmation:
            case Confirmation.SECOND_FACTOR:
                return _("Confirm with your passkey or with a code from your authenticator app.")
            case Confirmation.PROVIDER:
                return _("Confirm with %(provider)s, then send this again.") % {"provider": settings.OIDC_PROVIDER_NAME}
            case _:
                return _("Enter your password to confirm.")


def get_recent_auth(request: HttpRequest) -> RecentAuth:
    """Return the authentication of the request's user; not fresh if the session has no record of one."""
    records = get_authentication_records(request, request.user)
    if not records:
        return RecentAuth(fresh=False, confirmation=find_confirmation(request))
    proof = max(_list_proofs(records), key=_proved_at, default=None)
    last = _proved_at(proof) if proof else 0.0
    fresh = _is_within(last, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
    return RecentAuth(
        fresh=fresh,
        methods=tuple(sorted(set(map(method_of, records)))),
        signed_in_at=datetime.fromtimestamp(records[0]["at"], UTC),
        shown_at=datetime.fromtimestamp(last, UTC) if last else None,
        extended=not fresh and _is_within(last, settings.REAUTHENTICATION_LATEST_S) and _has_just_voted(request),
        shown_with=method_of(proof) if proof and last else "",
        second_factor=proof is not None and is_second_factor(proof),
        recovery_code=proof is None,
        confirmation=Confirmation.PASSWORD if fresh else find_confirmation(request),
    )


def has_stepped_up(request: HttpRequest) -> bool:
    """Return whether the user has confirmed in the last minutes, in the strongest way that they have.

    The sign-in does not count: a thief of the session has that, too. A recovery code does, so that a user who has lost
    their factor can add another one.
    """
    records = get_authentication_records(request, request.user) if request.user.is_authenticated else []
    again = [record for record in records if record.get("reauthenticated")]
    if again and list_factor_types(request.user):
        again = list(filter(opens_session, again))
    return any(_is_within(_proved_at(record), settings.ACCOUNT_REAUTHENTICATION_TIMEOUT) for record in again)


def method_of(record: Mapping[str, Any]) -> str:
    """Return the method of a record: `password`, the provider's, or the type of the second factor."""
    return str(record["type"] if record["method"] == "mfa" else record["method"])


def is_second_factor(record: Mapping[str, Any]) -> bool:
    """Return whether the record proves a second factor: a passkey, an app, or what the provider said of itself."""
    return method_of(record) in SECOND_FACTORS or record.get("second_factor") is True


def opens_session(record: Mapping[str, Any]) -> bool:
    """Return whether the record opens a session of a role that needs a second factor."""
    return is_second_factor(record) or method_of(record) == RECOVERY_CODES


def find_confirmation(request: HttpRequest) -> Confirmation:
    """Return the way in which the user confirms: the strongest that they have."""
    if request.user.is_authenticated and list_factor_types(request.user):
        return Confirmation.SECOND_FACTOR
    return Confirmation.PROVIDER if uses_provider(request) else Confirmation.PASSWORD


def record_accepted_vote(request: HttpRequest) -> None:
    """Note in the session that a vote on a change of low or medium risk was accepted, which extends `extended`."""
    request.session[_VOTE] = {"user": request.user.pk, "at": time.time()}


def uses_provider(request: HttpRequest) -> bool:
    """Return whether the user signed in with the OpenID provider."""
    records = get_authentication_records(request, request.user) if request.user.is_authenticated else []
    return any(record["method"] == PROVIDER_METHOD for record in records)


def has_second_factor_of_provider(request: HttpRequest) -> bool:
    """Return whether the provider has proved a second factor in this session."""
    records = get_authentication_records(request, request.user)
    return any(record["method"] == PROVIDER_METHOD and is_second_factor(record) for record in records)


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


def _list_proofs(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records that prove who is there: where a second factor was shown, nothing less; a recovery code never.

    Without that, a session of two factors could vote with the weaker one.
    """
    strong = list(filter(is_second_factor, records))
    return strong if strong or any(map(opens_session, records)) else records


def _proved_at(record: Mapping[str, Any]) -> float:
    """Return when the user proved their presence; 0 if the provider did not say when.

    A provider signs in without any question while its own session lasts, so the time of the record proves nothing.
    """
    return float(record["proved_at"] if record["method"] == PROVIDER_METHOD else record["at"])


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
