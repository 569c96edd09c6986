"""Messages that come too often, too late, or from somebody else: a message is only a reminder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from portal.accounts.models import User
from portal.celery import app
from portal.changes.delivery import tasks
from portal.changes.models import Attempt, Change
from portal.changes.workflow import review
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.markers import Marker
from tests.rig.rounds import rounds
from tests.rig.workers import workers
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(180, 900)),
]


@pytest.mark.shows("F12")
def test_message_delivered_ten_times_to_eight_workers_is_one_call(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    secrets = usable(segura.control, 20)
    made: list[Change] = []
    with workers(tmp_path / "workers.log") as crew:
        crew.start(rounds(2, 8), concurrency=rounds(4, 1))
        for number in range(rounds(1, 10)):
            changes = approve_all(secrets, notes=f"round {number}")
            for _ in range(10):
                for change in changes:
                    tasks.deliver_change.delay(change.pk)
            await_applied(changes)
            made += changes
    arrived = Counter(each["attempt_id"] for each in segura.control.arrivals("update"))
    assert len(arrived) == len(made)
    assert set(arrived.values()) == {1}
    assert Attempt.objects.count() == len(made)
    assert events("delivery.claim_lost") == []  # who lost the claim left without a word
    assert " ERROR " not in (tmp_path / "workers.log").read_text()
    check(segura.control, log=tmp_path / "workers.log")


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, trace: Path, payload: str) -> None:
        self.trace, self.payload = trace, payload

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.trace, self.payload))


def forged(payload: str, trace: Path, *ids: int) -> Iterator[dict[str, Any]]:
    """Messages as somebody might put them into the queue, by the arguments of send_task."""
    for number in (*ids, 0, -1, 10**6, 2**63, 10**30):
        yield {"name": "changes.deliver", "args": [number]}
    for something in (payload, None, True, 1.5, [payload], {payload: payload}):
        yield {"name": "changes.deliver", "args": [something]}
    yield {"name": "changes.deliver", "args": [1, payload]}
    yield {"name": "os.system", "args": [payload]}
    yield {"name": "changes.deliver", "args": [Bomb(trace, payload)], "serializer": "pickle"}


@pytest.mark.shows("F13")
def test_forged_and_old_messages_change_nothing_and_are_not_quoted(
    segura: Sandbox, submit_all: ManyChanges, approve_all: ManyChanges, approver: User, tmp_path: Path
) -> None:
    payload, trace, log = Marker.new("the payload of a forged message"), tmp_path / "exploded", tmp_path / "workers.log"
    secrets = usable(segura.control, 4)
    with workers(log, {"PORTAL_LOG_LEVEL": "DEBUG"}) as crew:
        (worker,) = crew.start(1)
        (old,), (rejected, pending) = approve_all(secrets[:1]), submit_all(secrets[1:3])
        tasks.deliver_change.delay(old.pk)
        await_applied([old])
        digest = rejected.get_current_revision().digest
        review.reject_change(rejected.pk, by=approver, revision=1, digest=digest, reason="not now", recent_auth=PRESENT)
        ids = (old.pk, rejected.pk, pending.pk)
        before, arrived = rows(), segura.control.arrivals("update")
        for message in forged(payload, trace, *ids):
            app.send_task(**message)
        with Redis.from_url(settings.REDIS_URL) as redis:
            redis.lpush("celery", "{}")
        (last,) = approve_all(secrets[3:])
        tasks.deliver_change.delay(last.pk)
        await_applied([last])  # the only process took them in turn: it has seen all of them
        assert worker.poll() is None
    assert [row for row in rows() if row["id"] != last.pk] == before
    assert len(segura.control.arrivals("update")) == len(arrived) + 1
    assert not trace.exists()
    assert log.read_text().count("A message was thrown away") == 13  # all but the ids, and the one with two arguments
    check(segura.control, markers=[payload], log=log, settled=False)


def rows() -> list[dict[str, Any]]:
    return list(Change.objects.order_by("pk").values())
