"""The made-up past is one that could have been: its log verifies, and what waits in it can be decided and delivered."""

from __future__ import annotations

import pytest
from django.db import connection

from portal.audit import ledger
from portal.audit.models import Event, UnsealedEvent
from portal.audit.sealing import sealer
from portal.audit.verification.verifier import verify_events
from portal.changes.delivery import verified_patch
from portal.changes.models import Change, Revision, Status, Vote
from portal.changes.workflow import review
from tests.audit.conftest import SEED
from tests.bench.history import People, Size, fill
from tests.vouching import LOOKED, PRESENT

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = Size(changes=600, events=6000, secrets=50)


@pytest.fixture
def past(settings: pytest.FixtureRequest) -> People:
    settings.AUDIT_SIGNING_KEY = SEED  # type: ignore[attr-defined]
    return fill(SIZE)


def test_its_log_verifies_and_goes_on(past: People) -> None:
    assert Event.objects.count() >= SIZE.events
    assert not UnsealedEvent.objects.exists()
    ledger.record_event("session.started", by="reader")
    assert sealer.seal_pending_events() >= 1  # and the event that dates it, once a day
    report = verify_events(key=sealer.get_signing_public_key())
    assert (report.findings, report.size) == ([], Event.objects.count())


def test_what_waits_can_be_approved_and_proved(past: People) -> None:
    change = Change.objects.filter(status=Status.PENDING).earliest("pk")
    digest = change.get_current_revision().digest
    change = review.approve_change(
        change.pk, by=past.approvers[0], revision=1, digest=digest, recent_auth=PRESENT, review_proof=LOOKED
    )
    assert change.status == Status.APPROVED
    assert verified_patch.build_verified_patch(change, change.get_current_revision())["notes"]


def test_the_database_guards_it_again(past: People) -> None:
    """Triggers and indexes are back: a history without them would be quicker than any portal."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'")
        assert cursor.fetchone()[0] >= 8
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")
        assert cursor.fetchone()[0] == 0
    assert Revision.objects.count() == SIZE.changes
    assert Vote.objects.exclude(voter__username__startswith="approver").count() == 0
