"""Many writers at once, and the sealer: no writer fails, none deadlocks, and everything adds up (F19)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import Event, TreeLeaf
from portal.audit.sealing import sealer
from portal.changes.delivery import worker
from portal.changes.models import Attempt, Change, Status, Vote
from portal.sandbox import Sandbox
from tests.audit.conftest import SEED
from tests.changing import approve
from tests.faults.conftest import ManyChanges
from tests.rig.checker import check
from tests.rig.rounds import rounds

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(rounds(120, 900)),
]
WRITERS = 6
EACH = rounds(8, 50)


def write(changes: Sequence[Change], approver: User) -> None:
    """Decide on each of these and carry it out."""
    try:
        for change in changes:
            approve(change, approver)
            worker.process_change(change.pk)
    finally:
        connections.close_all()


def seal_until(over: threading.Event) -> int:
    """Seal without a pause; how many times something was sealed."""
    batches = 0
    try:
        while not over.is_set():
            batches += sealer.seal_pending_events() > 0
    finally:
        connections.close_all()
    return batches


@pytest.mark.shows("F19")
def test_writers_and_sealer_at_once_do_not_fail_each_other_and_everything_adds_up(
    segura: Sandbox, settings: Settings, submit_many: ManyChanges, approver: User, no_queue: None
) -> None:
    settings.AUDIT_SIGNING_KEY = SEED
    changes, over = submit_many(WRITERS * EACH, secrets=WRITERS), threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        sealer = pool.submit(seal_until, over)
        writers = [pool.submit(write, changes[number::WRITERS], approver) for number in range(WRITERS)]
        try:
            for writer in writers:
                writer.result(600)  # raises what the writer has met
        finally:
            over.set()
        assert sealer.result(60)
    count = len(changes)
    assert (Vote.objects.count(), Attempt.objects.filter(outcome="applied").count()) == (count, count)
    assert Change.objects.filter(status=Status.APPLIED).count() == count
    told = Counter(Event.objects.values_list("action", flat=True))
    for action in ("vote.cast", "change.approved", "delivery.intended", "delivery.answered", "change.applied"):
        assert told[action] == count, action
    check(segura.control)
    assert TreeLeaf.objects.count() == Event.objects.count()
