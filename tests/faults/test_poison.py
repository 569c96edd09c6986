"""F14: a change that cannot be sent, whatever one tries, stops before its call and harms no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portal.changes.delivery import tasks
from portal.changes.models import Attempt, Change, Revision, Status, StatusCause
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import workers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.shows("F14"),
    pytest.mark.timeout(rounds(180, 900)),
]


def altered(sealed: bytes) -> bytes:
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


def under_an_unknown_key(sealed: bytes) -> bytes:
    return sealed[:2] + bytes(reversed(sealed[2:]))


def cut_off(sealed: bytes) -> bytes:
    return sealed[:1]


SPOIL: list[Callable[[bytes], bytes]] = [altered, under_an_unknown_key, cut_off]


def test_change_that_cannot_be_opened_or_encoded_goes_to_a_person_and_the_others_go_on(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    """Three whose ciphertext is spoilt, and one whose value is a mask, which no body may carry."""
    secrets = usable(segura.control, 6)
    with workers(tmp_path / "workers.log") as crew:
        crew.start_beat()
        (worker,) = crew.start(1, concurrency=1)
        spoilt = approve_all(secrets[:3], value="a value that will be spoilt")
        for change, spoil in zip(spoilt, SPOIL, strict=True):
            revision = Revision.objects.filter(change=change)
            revision.update(encrypted_secret=spoil(bytes(revision.get().encrypted_secret or b"")))
        poison = [*spoilt, *approve_all(secrets[3:4], value="****")]
        healthy = approve_all(secrets[4:])
        for change in (*poison, *healthy):
            tasks.deliver_change.delay(change.pk)
        await_applied(healthy)
        rows = Change.objects.filter(pk__in=[change.pk for change in poison])
        wait_until(lambda: rows.filter(status=Status.NEEDS_ATTENTION).count() == len(poison), "people are asked")
        assert worker.poll() is None
    assert list(rows.order_by("pk").values_list("cause", flat=True)) == [StatusCause.UNOPENED] * 3 + [
        StatusCause.BROKEN
    ]
    assert Attempt.objects.filter(change__in=poison).count() == 0
    assert len(segura.control.arrivals("update")) == len(healthy)
    check(segura.control, log=tmp_path / "workers.log")
