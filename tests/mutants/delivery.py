"""Defences of the delivery: what is tried how often, and what its users are told of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_PAUSE = "tests/changes/test_delivery_pause.py"

DELIVERY = (
    Mutant(
        "the lane's first goes first",
        "portal/changes/delivery/claims.py",
        "~replayable, Q(its_turn), own_hold_over",
        "~replayable, own_hold_over",
        ("tests/changes/test_delivery.py::test_a_later_change_waits_for_the_earlier_one_and_for_its_hold",),
    ),
    Mutant(
        "a change's own trouble has growing pauses while delivery is paused",
        "portal/changes/delivery/status_changes.py",
        "    if not own and circuit_breaker.is_paused():\n",
        "    if circuit_breaker.is_paused():\n",
        (f"{_PAUSE}::test_change_that_cannot_be_read_is_tried_ever_more_rarely_also_while_delivery_is_paused",),
    ),
    Mutant(
        "a notification of a pause gives its reason",
        "portal/notifications/inbox.py",
        "        if self.reason:\n",
        "        if not self.notice:\n",
        (f"{_PAUSE}::test_administrator_is_told_which_route_is_missing",),
    ),
    Mutant(
        "a reading that was refused shows nothing",
        "portal/changes/delivery/reconcile.py",
        "    ReadbackAction.REPEAT_UNREAD: StatusCause.REPEAT_UNREAD,\n",
        "    ReadbackAction.REPEAT_UNREAD: StatusCause.SEND_AGAIN,\n",
        ("tests/changes/test_claims.py::test_user_is_told_nothing_that_was_not_seen",),
    ),
    Mutant(
        "a message that is none is counted",
        "portal/celery.py",
        '    discarded_messages.count_discarded("unreadable")\n',
        "",
        ("tests/faults/test_poison_messages.py::test_worker_survives_whatever_is_in_its_queue",),
    ),
    Mutant(
        "old values have the time of their reading",
        "portal/changes/presenters/change_rows.py",
        "return self.revision.base_read_at if",
        "return self.revision.created_at if",
        ("tests/changes/test_base_reading.py::test_approver_sees_when_the_old_values_were_read",),
    ),
    Mutant(
        "the reading's time travels with the proposal",
        "portal/changes/domain/proposal.py",
        "base.read_at.isoformat() if base.read_at else None",
        "None",
        (
            "tests/changes/test_base_reading.py"
            "::test_requester_submits_the_moment_of_the_reading_and_not_that_of_the_submit",
        ),
    ),
)
