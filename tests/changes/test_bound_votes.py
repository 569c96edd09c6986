"""A vote is over one digest: whatever of it is altered in the database after the vote, nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from portal.accounts.models import User
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, StatusCause
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changing import work
from tests.segura import events
from tests.vouching import LOOKED, PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W03")]


@contextmanager
def past_the_triggers(table: str) -> Iterator[None]:
    """What the database itself refuses, somebody who owns it may do; every trigger is back at the end as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
        )
        triggers = [(name, "ENABLE ALWAYS" if when in ("A", b"A") else "ENABLE") for name, when in cursor.fetchall()]
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for name, enable in triggers:
            cursor.execute(f"ALTER TABLE {table} {enable} TRIGGER {name}")


def alter(table: str, assignment: str, *values: object) -> None:
    with past_the_triggers(table), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {assignment}", values)  # noqa: S608
        assert cursor.rowcount > 0


def updates(segura: Sandbox) -> list[dict[str, Any]]:
    return list(segura.control.arrivals("update"))


def expect_not_sent(change: Change, segura: Sandbox) -> None:
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert work(change, rounds=2).status == Status.NEEDS_ATTENTION
    assert updates(segura) == []
    (escalated,) = events("change.escalated")
    assert escalated["change"] == change.pk


ALTERATIONS = {
    "target identifier": ("changes_change", "secret = 44"),
    "patch": ("changes_revision", """patch = '{"url": "https://elsewhere.example"}'"""),
    "another field in the patch": (
        "changes_revision",
        """patch = '{"url": "https://gcp-eu.example", "users_allowed": [["mallory", true]]}'""",
    ),
    "fingerprint of the value": ("changes_revision", "secret_fingerprint = 'f0'"),
    "value taken away": ("changes_revision", "encrypted_secret = NULL"),
    "base that is compared": ("changes_revision", "base = '{}'"),
    "base taken away": ("changes_revision", "base = NULL"),
    "base fingerprint of the value": ("changes_revision", "base_secret_fingerprint = ''"),
    "policy": ("changes_revision", """policy = '{"required": 0}'"""),
    "digest of the revision": ("changes_revision", "digest = 'd0'"),
    "digest of the vote": ("changes_vote", "digest = 'd0'"),
    "revision of the vote": ("changes_vote", "revision = 7"),
    "verdict of the vote": ("changes_vote", "verdict = 'reject'"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ALTERATIONS)
def test_altered_after_the_vote_and_never_sent(what: str, segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved(value="the approved one", url="https://gcp-eu.example")
    alter(*ALTERATIONS[what])
    expect_not_sent(change, segura)


def test_unaltered_it_is_sent_as_it_was_shown(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved(value="the approved one", url="https://gcp-eu.example")
    assert work(change).status == Status.APPLIED
    (application,) = segura.control.journal()["applications"]
    assert application["values"]["url"] == "https://gcp-eu.example"


def test_another_value_sealed_with_the_very_key_is_never_sent(segura: Sandbox, approved: Callable[..., Change]) -> None:
    """Somebody who holds the sealing key too cannot swap what was voted for."""
    change = approved(value="the approved one")
    revision = change.get_current_revision()
    Revision.objects.filter(pk=revision.pk).update(
        encrypted_secret=secret_encryption.encrypt_secret(SecretStr("another"), revision.pk).blob
    )
    expect_not_sent(change, segura)


@pytest.mark.django_db(transaction=True)
def test_fewer_votes_than_the_policy_as_it_stood_are_never_enough(
    segura: Sandbox,
    no_queue: None,
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    settings: Any,
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(base=live_base), by=requester)
    settings.APPROVALS_REQUIRED = 1
    review.approve_change(
        change.pk,
        by=approver,
        revision=1,
        digest=change.get_current_revision().digest,
        recent_auth=PRESENT,
        review_proof=LOOKED,
    )
    change.refresh_from_db()
    assert change.status == Status.PENDING
    alter("changes_change", "status = 'approved', approved_at = created_at")
    expect_not_sent(change, segura)
