"""Rows that were written with SQL alone cause no delivery: votes, policies, statuses and deadlines are proved first."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.audit import ledger
from portal.audit.models import Event
from portal.changes.approvals import approval_proof, vote_mac
from portal.changes.domain import patch as patches
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.policy import InvalidPolicy, Policy
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, StatusCause, Verdict, Vote
from portal.changes.workflow import manual_resolution, review, submission
from portal.common import keyring
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue", "secret")]
Approved = Callable[..., Change]
PATCH = {"notes": "written by an intruder"}
POLICIES: list[Any] = [
    {"required": 0},
    {"required": -1},
    {"required": 10**9},
    {"required": 2**70},
    {"required": "1"},
    {"required": "none"},
    {"required": None},
    {"required": [1]},
    {"required": {}},
    {"required": True},
    {"required": False},
    {"required": 1.0},
    {"required": 0.5},
    {},
    [],
    [1],
    "1",
    1,
    None,
]


@contextmanager
def triggers_off(table: str) -> Iterator[None]:
    """What the owner of the tables may do, and the portal's own database role may not."""
    trigger = {"changes_vote": "vote_never_altered", "changes_revision": "revision_immutable"}[table]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def insert_change(requester: User, *, policy: Any = None, base: Snapshot | None = None) -> Change:
    """An approved change that nobody proposed, as plain INSERTs make it."""
    now = timezone.now()
    policy = {"required": 1} if policy is None else policy
    change = Change.objects.create(
        secret=43, secret_name="GCP", requester=requester, status=Status.APPROVED, created_at=now, updated_at=now,
        approved_at=now, expires_at=now + timedelta(days=7),
    )  # fmt: skip
    digest = patches.compute_digest(secret=43, patch=PATCH, secret_fingerprint="", base=base, policy=policy)
    Revision.objects.create(
        pk=uuid.uuid4(), change=change, number=1, editor=requester, created_at=now, patch=PATCH, base=None,
        policy=policy, reason="x", digest=digest,
    )  # fmt: skip
    return change


def insert_submission(change: Change) -> None:
    revision = change.get_current_revision()
    data = {"revision": revision.number, "digest": revision.digest}
    ledger.record_event("change.submitted", by=change.requester.username, change=change.pk, secret=43, data=data)


def insert_vote(change: Change, voter: User, *, mac: str = "", at: datetime | None = None, event: bool = True) -> Vote:
    """A vote that nobody cast, with an event of the same content unless told otherwise."""
    revision = change.get_current_revision()
    vote = Vote.objects.create(
        change=change, revision=revision.number, digest=revision.digest, requester=change.requester, voter=voter,
        verdict=Verdict.APPROVE, voted_at=at or timezone.now(), mac=mac,
    )  # fmt: skip
    if event:
        facts = {**vote_mac.vote_facts(vote), "mac": mac}
        ledger.record_event("vote.cast", by=voter.username, change=change.pk, secret=43, data=facts)
    return vote


def assert_refused(change: Change, segura: Sandbox, cause: StatusCause = StatusCause.TAMPERED) -> None:
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, cause)
    assert segura.control.arrivals("update") == []
    assert events("delivery.intended") == []


def test_change_without_votes_is_never_sent(segura: Sandbox, requester: User) -> None:
    change = insert_change(requester)
    insert_submission(change)
    assert_refused(change, segura)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_change_whose_policy_asks_for_no_number_of_votes_is_never_sent(
    policy: Any, segura: Sandbox, requester: User
) -> None:
    change = insert_change(requester, policy={"required": 0} if policy is None else policy)
    if policy is None:
        with triggers_off("changes_revision"), connection.cursor() as cursor:
            cursor.execute("UPDATE changes_revision SET policy = 'null'::jsonb")
    insert_submission(change)
    assert_refused(change, segura)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_approved_change_is_not_sent_under_a_policy_that_was_altered(
    policy: Any, segura: Sandbox, approved: Approved, approver: User
) -> None:
    with pytest.raises(InvalidPolicy):
        Policy.from_data(policy)
    change = approved()
    with triggers_off("changes_revision"), connection.cursor() as cursor:
        cursor.execute("UPDATE changes_revision SET policy = %s", [ledger.canonical_json({"x": policy})[5:-1]])
    assert_refused(change, segura)


@pytest.mark.parametrize("mac", ["", "x", "other:" + "0" * 64, "0" * 64, ":" + "0" * 64])
@pytest.mark.parametrize("event", [True, False])
def test_vote_that_nobody_cast_is_never_counted(
    mac: str, event: bool, segura: Sandbox, requester: User, approver: User
) -> None:
    change = insert_change(requester)
    insert_submission(change)
    insert_vote(change, approver, mac=mac, event=event)
    assert_refused(change, segura)


def test_vote_under_a_key_that_left_the_ring_is_not_counted(
    segura: Sandbox, approved: Approved, settings: Any, request: pytest.FixtureRequest
) -> None:
    change = approved()
    request.addfinalizer(keyring.mac_ring.cache_clear)
    old = settings.APPROVAL_MAC_KEYS
    for keys in (f"new:{'2' * 64},{old}", f"new:{'2' * 64}"):
        settings.APPROVAL_MAC_KEYS = keys
        keyring.mac_ring.cache_clear()
        revision = change.get_current_revision()
        if old in keys:
            approval_proof.prove_approval(change, revision, revision.digest)
    assert_refused(change, segura)


def test_row_of_a_vote_is_not_enough_without_its_event(
    segura: Sandbox, submitted: Change, approver: User, requester: User
) -> None:
    """Also where somebody found a MAC: the log has to tell of the vote."""
    change = insert_change(requester)
    insert_submission(change)
    revision = change.get_current_revision()
    vote = Vote(
        change=change, revision=1, digest=revision.digest, requester=requester, voter=approver,
        verdict=Verdict.APPROVE, voted_at=timezone.now(),
    )  # fmt: skip
    insert_vote(change, approver, mac=vote_mac.compute_vote_mac(vote, approver.username), at=vote.voted_at, event=False)
    assert_refused(change, segura)


def test_vote_whose_event_names_another_person_is_not_counted(segura: Sandbox, requester: User, approver: User) -> None:
    change = insert_change(requester)
    insert_submission(change)
    vote = insert_vote(change, approver, event=False)
    mac = vote_mac.compute_vote_mac(vote, approver.username)
    with triggers_off("changes_vote"):
        Vote.objects.update(mac=mac)
    vote.refresh_from_db()
    ledger.record_event("vote.cast", by="another", change=change.pk, data={**vote_mac.vote_facts(vote), "mac": mac})
    assert_refused(change, segura)


def test_change_without_its_submission_in_the_log_is_not_sent(segura: Sandbox, requester: User, approver: User) -> None:
    change = insert_change(requester)
    vote = insert_vote(change, approver, event=False)
    mac = vote_mac.compute_vote_mac(vote, approver.username)
    with triggers_off("changes_vote"):
        Vote.objects.update(mac=mac)
    vote.refresh_from_db()
    facts = {**vote_mac.vote_facts(vote), "mac": mac}
    ledger.record_event("vote.cast", by=approver.username, change=change.pk, data=facts)
    assert_refused(change, segura)


def test_vote_of_another_change_is_not_counted(
    segura: Sandbox, submitted: Change, requester: User, approver: User
) -> None:
    """The same digest, so that nothing but the change tells the two votes apart."""
    approve(submitted, approver)
    genuine, source = Vote.objects.get(), submitted.get_current_revision()
    Change.objects.update(status=Status.WITHDRAWN)  # its lane is free
    change = insert_change(requester)
    with triggers_off("changes_revision"):
        Revision.objects.filter(change=change).update(
            patch=source.patch, base=source.base, base_secret_fingerprint=source.base_secret_fingerprint,
            policy=source.policy, digest=source.digest,
        )  # fmt: skip
    insert_submission(change)
    insert_vote(change, approver, mac=genuine.mac, at=genuine.voted_at)
    assert_refused(change, segura)


def test_vote_of_an_earlier_revision_is_not_counted(
    segura: Sandbox, submitted: Change, propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    """The revision goes back and forth, so that both have the digest of the vote."""
    vote_count = 2
    first = submitted.get_current_revision()
    with triggers_off("changes_revision"):
        Revision.objects.update(policy={"required": vote_count})
    approve(Change.objects.get(pk=submitted.pk), approver)
    genuine = Vote.objects.get()
    again = propose(base=Snapshot(first.base, first.base_secret_fingerprint) if first.base else None, **first.patch)
    submission.revise_change(submitted.pk, again, by=requester)
    with triggers_off("changes_revision"):
        Revision.objects.update(policy=first.policy, digest=first.digest)
    change = Change.objects.get(pk=submitted.pk)
    insert_submission(change)
    insert_vote(change, approver, mac=genuine.mac, at=genuine.voted_at)
    Change.objects.update(status=Status.APPROVED, approved_at=timezone.now())
    assert_refused(change, segura)


def replayed(change: Change) -> Change:
    """As if nothing had happened since the approval: the row, and a second copy of the event of each vote."""
    Change.objects.filter(pk=change.pk).update(
        status=Status.APPROVED, revision=1, approved_at=timezone.now(), closed_at=None, in_doubt_since=None,
        expires_at=timezone.now() + timedelta(days=7), cause=StatusCause.NONE, fence=F("fence") + 1, not_before=None,
        replay_window_until=None, lease_until=None,
    )  # fmt: skip
    change.refresh_from_db()
    for vote in change.votes.filter(verdict=Verdict.APPROVE, revision=1):
        facts = {**vote_mac.vote_facts(vote), "mac": vote.mac}
        ledger.record_event("vote.cast", by=vote.voter.username, change=change.pk, secret=43, data=facts)
    return change


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("change.rejected", {}),
        ("change.withdrawn", {}),
        ("change.expired", {}),
        ("change.stale", {}),
        ("change.revised", {"revision": 2}),
        ("change.applied", {}),
        ("change.failed", {}),
        ("change.escalated", {}),
        ("change.resolved", {"applied": True}),
        ("change.resolved", {"applied": False}),
        ("change.resolved", {}),
        ("change.in_doubt", {}),
        ("vote.cast", {"verdict": "reject", "revision": 1}),
        ("vote.cast", {"verdict": "request_changes", "revision": 1, "voter": 999}),
    ],
)
def test_old_vote_is_no_licence_after_the_log_tells_of_an_end(
    action: str, data: dict[str, Any], segura: Sandbox, approved: Approved
) -> None:
    change = approved()
    ledger.record_event(action, by="somebody", change=change.pk, secret=43, data=data)
    assert_refused(replayed(change), segura)


@pytest.mark.parametrize("act", ["reject", "withdraw", "revise", "expire", "request_changes"])
def test_approval_that_its_people_took_back_is_not_replayed(
    act: str,
    segura: Sandbox,
    submitted: Change,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    approver2: User,
) -> None:
    with triggers_off("changes_revision"):
        Revision.objects.update(policy={"required": 2})
        revision = Revision.objects.get()
        digest = patches.compute_digest(
            secret=43, patch=revision.patch, secret_fingerprint="", policy=revision.policy,
            base=Snapshot(revision.base, revision.base_secret_fingerprint) if revision.base else None,
        )  # fmt: skip
        Revision.objects.update(digest=digest)
    insert_submission(submitted)
    approve(submitted, approver)
    seen = {"by": approver2, "revision": 1, "digest": digest, "recent_auth": PRESENT}
    match act:
        case "reject":
            review.reject_change(submitted.pk, **seen, reason="No")
        case "request_changes":
            review.request_changes(submitted.pk, **seen, reason="Not so")
        case "withdraw":
            submission.withdraw_change(submitted.pk, by=requester)
        case "revise":
            submission.revise_change(submitted.pk, propose(notes="other"), by=requester)
        case "expire":
            ledger.record_event("change.expired", change=submitted.pk)
    assert_refused(replayed(submitted), segura)


def failed(segura: Sandbox, change: Change) -> Change:
    segura.control.plan("refuse:1005:no", endpoint="update", identifier=43)
    assert work(change).status == Status.FAILED
    return change


@pytest.mark.parametrize("mac", [None, "", "x:" + "0" * 64])
def test_retry_that_nobody_asked_for_is_not_sent(
    segura: Sandbox, approved: Approved, requester: User, mac: str | None
) -> None:
    change = failed(segura, approved())
    before = len(segura.control.arrivals("update"))
    forged = {} if mac is None else {"acted_at": vote_mac.format_instant(timezone.now()), "mac": mac}
    ledger.record_event("change.retried", by=requester.username, change=change.pk, data=forged)
    replayed(change)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert len(segura.control.arrivals("update")) == before


def test_retry_of_an_earlier_failure_is_not_replayed(segura: Sandbox, approved: Approved, requester: User) -> None:
    change = failed(segura, approved())
    manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)
    change = failed(segura, Change.objects.get(pk=change.pk))
    (genuine,) = events("change.retried")
    ledger.record_event("change.retried", by=requester.username, change=change.pk, data=genuine["data"])
    replayed(change)
    before = len(segura.control.arrivals("update"))
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert len(segura.control.arrivals("update")) == before


def test_retry_recheck_and_repeat_by_users_are_sent(
    segura: Sandbox, approved: Approved, requester: User, admin: User
) -> None:
    change = failed(segura, approved())
    manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)
    segura.control.plan("504_before_apply", endpoint="update", identifier=43)
    change.refresh_from_db()
    work(change)
    assert change.in_doubt_since
    Change.objects.update(replay_window_until=None, not_before=None)
    assert work(change, rounds=2).status == Status.APPLIED


@pytest.mark.parametrize("moved", [{"days": 8}, {"days": 700}])
def test_deadline_is_that_of_the_votes_whatever_the_row_says(
    moved: dict[str, int], segura: Sandbox, approved: Approved, settings: Any
) -> None:
    change = approved()
    settings.CHANGE_APPROVED_DAYS = 1e-9 / moved["days"]  # the approval is as old as it may become at once
    Change.objects.update(expires_at=timezone.now() + timedelta(**moved), approved_at=timezone.now())
    assert work(change).status == Status.EXPIRED
    assert segura.control.arrivals("update") == []
    assert events("change.expired")


def test_approval_that_lapsed_while_a_call_is_in_doubt_goes_to_an_administrator(
    segura: Sandbox, approved: Approved, settings: Any
) -> None:
    change = approved()
    Change.objects.update(in_doubt_since=timezone.now(), cause=StatusCause.SEND_AGAIN)
    settings.CHANGE_APPROVED_DAYS = 1e-9
    assert_refused(change, segura, StatusCause.APPROVAL_OVER)


def test_event_under_the_number_of_another_change_proves_nothing(
    segura: Sandbox, approved: Approved, approver: User
) -> None:
    change = approved()
    text = Event.objects.filter(action="vote.cast").latest("pk").text
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (at, action, actor, change, seq, text)"
            " VALUES (now(), 'vote.cast', '', %s, 900, %s)",
            [change.pk, text.replace(f'"change":{change.pk}', f'"change":{change.pk + 1}')],
        )
    assert_refused(change, segura)


def test_proof_costs_two_questions(approved: Approved, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    change = approved()
    revision = change.get_current_revision()
    with django_assert_num_queries(2):
        proof = approval_proof.prove_approval(change, revision, revision.digest)
    assert len(proof.voters) == 1


def test_digest_can_be_computed_from_the_submission_alone(propose: Callable[..., Proposal], requester: User) -> None:
    for value in ("", "a-new-value"):
        change = submission.submit_change(propose(value=value), by=requester)
        event = json.loads(Event.objects.get(change=change.pk, action="change.submitted").text)
        said = event["data"]
        text = {
            "v": 1, "secret": event["secret"], "patch": said["patch"], "client_secret": said["value_fingerprint"],
            "base": said["base_fingerprint"], "policy": said["policy"],
            **({"traits": said["traits"]} if said.get("traits") else {}),
        }  # fmt: skip
        spelled = json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(spelled.encode()).hexdigest() == said["digest"] == change.get_current_revision().digest
