"""Retention and legal hold by the words of the runbook."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from portal.audit.ledger import record_event
from portal.audit.models import AccessSubject, Event, LegalHold
from tests.audit.aging import seal_at
from tests.audit.conftest import SEED
from tests.audit.tampering import overwrite
from tests.rig import documented
from tests.rig.workers import database_url

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


def test_old_events_go_and_those_under_hold_stay(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = SEED
    for change in (7, 8, 8):
        record_event("change.expired", change=change)
    for event in Event.objects.all():
        said = f'"at":"{event.at:%Y}'
        assert said in event.text
        overwrite(event.pk, at=event.at.replace(year=2020), text=event.text.replace(said, '"at":"2020'))
    seal_at(timedelta(days=400))
    seal_at(timedelta(days=398))
    environment = {**os.environ, "DATABASE_URL": database_url(), "RETAIN_AUDIT_DAYS": "365", "CHANGE": "7"}
    prune, rebuild, hold, release = documented.blocks("Retention and legal hold")

    def follows(block: str) -> str:
        done = documented.run(block, environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    follows(hold)
    assert "audit events: 2" in follows(prune)
    assert Event.objects.filter(change=7).count() == 1
    follows(release)
    assert not LegalHold.objects.exists()
    assert "audit events: 1" in follows(prune)
    AccessSubject.objects.create(kind="user", name="mlima", folded="mlima", secret=7)  # of an event that is gone
    assert "0 entries" in follows(rebuild)
    assert not AccessSubject.objects.exists()
    assert "3 of them removed" in follows("python manage.py verify_audit")
