"""Commands of administrators to pause and resume all delivery, during maintenance of Segura or an investigation."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.changes.delivery import circuit_breaker
from portal.changes.rules import guards
from portal.changes.rules.guards import AlreadyPaused, NotPaused, ReasonMissing
from portal.changes.transitions import db_now


def pause_delivery(*, by: User, reason: str, recent_auth: RecentAuth) -> None:
    """Pause delivery: no worker claims another change until an administrator resumes; calls under way are finished.

    Raises NotAllowed, ReasonMissing, ReauthenticationRequired, AlreadyPaused.
    """
    guards.require_right(by, Right.OPERATE)
    if not reason.strip():
        raise ReasonMissing(_("A reason is mandatory: everybody whose change waits reads it."))
    guards.require_recent_auth(recent_auth)
    with transaction.atomic(durable=True):
        if not circuit_breaker.set_manual_pause(db_now(), by=by, reason=reason.strip()):
            raise AlreadyPaused(_("Delivery is already paused, by someone else or by your first click."))
        ledger.record_event(
            "delivery.paused_by_operator", by=by.username, data={"reason": reason.strip(), **recent_auth.as_data()}
        )


def resume_delivery(*, by: User, recent_auth: RecentAuth) -> None:
    """Resume delivery: the waiting changes are sent at the rate that follows every pause.

    Raises NotAllowed, ReauthenticationRequired, NotPaused.
    """
    guards.require_right(by, Right.OPERATE)
    guards.require_recent_auth(recent_auth)
    with transaction.atomic(durable=True):
        if not circuit_breaker.clear_manual_pause(db_now()):
            raise NotPaused(_("Delivery is not paused, or someone has resumed it meanwhile."))
        ledger.record_event("delivery.resumed_by_operator", by=by.username, data=recent_auth.as_data())
