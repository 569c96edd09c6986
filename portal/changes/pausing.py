"""People's pause of all delivery: while Segura is maintained, or until somebody has understood what is going on."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.presence import Presence
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.changes import breaker, rules
from portal.changes.rules import AlreadyHeld, NotHeld, ReasonMissing
from portal.changes.transitions import db_now


def hold(*, by: User, reason: str, presence: Presence) -> None:
    """No worker takes up another change until somebody resumes. What is on its way already ends as it would.

    Raises NotAllowed, ReasonMissing, NotPresent, AlreadyHeld.
    """
    rules.needs(by, Right.OPERATE)
    if not reason.strip():
        raise ReasonMissing(_("A reason is mandatory: everybody whose change waits reads it."))
    rules.present(presence)
    with transaction.atomic(durable=True):
        if not breaker.hold(db_now(), by=by, reason=reason.strip()):
            raise AlreadyHeld(_("Delivery was paused already, by somebody else or by your first click."))
        ledger.record("delivery.held", by=by.username, data={"reason": reason.strip(), **presence.as_data()})


def release(*, by: User, presence: Presence) -> None:
    """What waited goes out, at the rate that follows every pause. Raises NotAllowed, NotPresent, NotHeld."""
    rules.needs(by, Right.OPERATE)
    rules.present(presence)
    with transaction.atomic(durable=True):
        if not breaker.release(db_now()):
            raise NotHeld(_("Nobody has paused delivery, or somebody has resumed it meanwhile."))
        ledger.record("delivery.released", by=by.username, data=presence.as_data())
