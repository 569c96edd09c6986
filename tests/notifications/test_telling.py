"""Who is told of what: by the events of real acts, once each, and nobody whom it does not concern."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from pytest_django import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit import ledger
from portal.changes.delivery import circuit_breaker, status_changes, sweep
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause
from portal.changes.transitions import db_now, move_change
from portal.changes.workflow import comments, delivery_pause, manual_resolution, review, submission
from portal.changes.workflow.comments import NewComment
from portal.notifications import dispatch
from portal.notifications.models import Notification, PendingEvent, Preference
from portal.notifications.routes import ROUTES
from portal.notifications.routing import NOTIFICATION_TYPES
from tests.changing import approve
from tests.people import person
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    """A mail server that is asked for nothing: what waits for a decision is told by mail alone."""
    settings.EMAIL_HOST = "mail.invalid"


def tell() -> None:
    """Tell of what has happened since, to people who all have an address."""
    User.objects.filter(email="").update(email="somebody@example.com")
    dispatch.dispatch_events()


def told() -> set[tuple[str, str]]:
    """Tell of what has happened since, and forget it: who was told what."""
    tell()
    found = {(notice.recipient.username, notice.kind) for notice in Notification.objects.select_related("recipient")}
    Notification.objects.all().delete()
    return found


def reject(change: Change, by: User) -> Change:
    digest = change.get_current_revision().digest
    return review.reject_change(
        change.pk, by=by, revision=change.revision, digest=digest, reason="Not now", recent_auth=PRESENT
    )


def at(change: Change, status: Status) -> Change:
    Change.objects.filter(pk=change.pk).update(status=status)
    change.refresh_from_db()
    return change


def test_those_who_may_decide_are_asked_and_the_requester_is_not(
    submitted: Change, approver: User, approver2: User, auditor: User, admin: User
) -> None:
    roles.add_to_role(submitted.requester, Role.APPROVER)
    assert told() == {("approver", "waiting"), ("approver2", "waiting")}


def test_whoever_edited_a_change_is_not_asked_to_decide_it(submitted: Change, approver: User, approver2: User) -> None:
    edited = submitted.get_current_revision()
    edited.pk, edited.number, edited.editor = uuid.uuid4(), 2, approver
    edited.save(force_insert=True)
    assert told() == {("approver2", "waiting")}


def test_people_switched_off_or_without_the_right_are_told_nothing(
    submitted: Change, approver: User, approver2: User, requester2: User
) -> None:
    User.objects.filter(pk=approver.pk).update(is_active=False)
    approver2.groups.clear()
    roles.add_to_role(requester2, Role.APPROVER)
    assert told() == {("requester2", "waiting")}


def test_nobody_is_asked_for_a_decision_that_was_made_meanwhile(submitted: Change, approver: User) -> None:
    person("late", Role.APPROVER)
    approve(submitted, approver)
    assert told() == {("requester", "approved")}


def test_whoever_decides_is_told_no_more_that_it_waits(submitted: Change, approver: User, approver2: User) -> None:
    tell()
    assert Notification.objects.filter(kind="waiting", mail_at__isnull=False).count() == 2
    approve(submitted, approver)
    tell()
    assert not Notification.objects.filter(kind="waiting", mail_at__isnull=False).exists()


def test_a_vote_that_decides_nothing_yet_is_told_to_the_requester_and_the_last_one_as_approval(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    told()
    approve(change, approver)
    assert told() == {("requester", "voted")}
    approve(change, approver2)
    assert told() == {("requester", "approved")}


def test_a_rejection_is_told_to_the_requester_and_to_those_who_had_voted_but_not_to_who_rejected(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    approve(change, approver)
    told()
    reject(change, approver2)
    assert told() == {("requester", "rejected"), ("approver", "overruled")}


def test_a_revision_is_told_to_those_whose_votes_it_voids_and_a_withdrawal_to_those_who_voted(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    approve(change, approver)
    told()
    change = submission.revise_change(change.pk, propose(notes="another"), by=requester)
    assert told() == {("approver", "voided")}
    approve(change, approver2)
    told()
    submission.withdraw_change(change.pk, by=requester)
    assert told() == {("approver2", "withdrawn")}


def test_a_stale_change_that_comes_back_is_put_to_those_who_decide_again(
    submitted: Change, propose: Callable[..., Proposal], approver: User
) -> None:
    told()
    at(submitted, Status.STALE)
    submission.revise_change(submitted.pk, propose(notes="anew"), by=submitted.requester)
    assert told() == {("approver", "waiting")}


@pytest.mark.parametrize(
    ("start", "end", "action", "expected"),
    [
        (Status.SENDING, Status.APPLIED, "change.applied", {("requester", "applied")}),
        (Status.SENDING, Status.FAILED, "change.failed", {("requester", "failed")}),
        (Status.SENDING, Status.STALE, "change.stale", {("requester", "stale")}),
        (Status.SENDING, Status.IN_DOUBT, "change.in_doubt", {("requester", "doubted")}),
        (Status.IN_DOUBT, Status.IN_DOUBT, "change.in_doubt", set()),
        (Status.IN_DOUBT, Status.NEEDS_ATTENTION, "change.escalated", {("requester", "stuck"), ("admin", "escalated")}),
        (Status.PENDING, Status.EXPIRED, "change.expired", {("requester", "expired")}),
    ],
)
def test_what_the_machine_does_is_told_to_whom_it_concerns(
    submitted: Change, admin: User, start: Status, end: Status, action: str, expected: set[tuple[str, str]]
) -> None:
    told()
    move_change(at(submitted, start), end, action)
    assert told() == expected


def test_what_a_person_makes_of_a_stuck_change_is_told_to_its_requester_alone(submitted: Change, admin: User) -> None:
    told()
    at(submitted, Status.NEEDS_ATTENTION)
    manual_resolution.resolve_change(submitted.pk, by=admin, applied=True, reason="It is there", recent_auth=PRESENT)
    assert told() == {("requester", "closed")}


def test_a_pause_of_delivery_and_its_end_are_told_to_those_who_operate_the_portal(admin: User, approver: User) -> None:
    circuit_breaker.record_failure(db_now(), reason="no route", alarm=True)
    assert told() == {("admin", "paused")}
    circuit_breaker.record_success()
    assert told() == {("admin", "resumed")}


def test_a_pause_by_hand_and_its_end_are_told_to_who_operates_the_portal_and_to_those_whose_changes_wait(
    submitted: Change, requester2: User, approver: User, admin: User
) -> None:
    second = person("second", Role.ADMINISTRATOR)
    told()
    delivery_pause.pause_delivery(by=admin, reason="Segura is being upgraded", recent_auth=PRESENT)
    assert told() == {("second", "held")}
    approve(submitted, approver)
    told()
    delivery_pause.resume_delivery(by=second, recent_auth=PRESENT)
    assert told() == {("admin", "released"), ("requester", "going_on")}
    delivery_pause.pause_delivery(by=admin, reason="Once more", recent_auth=PRESENT)
    assert told() == {("second", "held"), ("requester", "delayed")}


def test_a_request_for_changes_is_told_to_the_requester_and_to_nobody_else(
    submitted: Change, approver: User, approver2: User
) -> None:
    told()
    digest = submitted.get_current_revision().digest
    review.request_changes(
        submitted.pk, by=approver, revision=1, digest=digest, reason="Another host, please", recent_auth=PRESENT
    )
    assert told() == {("requester", "asked")}


def say(change: Change, text: str, *, by: User) -> None:
    comments.post_comment(change.pk, NewComment(uuid.uuid4(), text), by=by)


def test_a_comment_is_told_to_the_requester_and_to_those_who_took_part_and_a_mention_to_who_is_mentioned(
    submitted: Change, approver: User, approver2: User, auditor: User, admin: User
) -> None:
    told()
    say(submitted, "Which host is it?", by=approver)
    assert told() == {("requester", "commented")}
    say(submitted, "The new one. @auditor, @approver2: is this in order?", by=submitted.requester)
    assert told() == {("approver", "commented"), ("auditor", "mentioned"), ("approver2", "mentioned")}
    say(submitted, "It is, @requester.", by=auditor)
    assert told() == {("approver", "commented"), ("requester", "mentioned")}
    approve(submitted, approver2)
    told()
    say(submitted, "Thanks, says @approver to themselves", by=approver)
    assert told() == {("requester", "commented"), ("auditor", "commented"), ("approver2", "commented")}


def test_a_kind_for_comments_can_be_switched_off_and_then_says_nothing(submitted: Change, approver: User) -> None:
    told()
    for kind in ("commented", "asked"):
        Preference.objects.create(person=submitted.requester, kind=kind, portal=False, mail="never")
    say(submitted, "Which host is it?", by=approver)
    digest = submitted.get_current_revision().digest
    review.request_changes(
        submitted.pk, by=approver, revision=1, digest=digest, reason="Another host, please", recent_auth=PRESENT
    )
    assert told() == set()


def test_whoever_may_no_longer_see_the_change_is_told_of_no_comment(
    submitted: Change, approver: User, approver2: User, auditor: User
) -> None:
    roles.add_to_role(approver2, Role.REQUESTER)
    say(submitted, "Which host is it, @approver2 and @auditor?", by=approver2)
    say(submitted, "And which ticket, @approver2 and @auditor?", by=approver)
    approver2.groups.remove(Group.objects.get(name=Role.APPROVER))
    User.objects.filter(pk=auditor.pk).update(is_active=False)
    assert {who for who, _kind in told()} == {"requester", "approver"}


def test_somebody_who_is_two_things_to_a_change_is_told_once(submitted: Change) -> None:
    roles.add_to_role(submitted.requester, Role.ADMINISTRATOR)
    told()
    move_change(at(submitted, Status.IN_DOUBT), Status.NEEDS_ATTENTION, "change.escalated")
    assert told() == {("requester", "stuck")}


def test_a_kind_that_somebody_wants_nowhere_makes_no_row(submitted: Change, approver: User) -> None:
    Preference.objects.create(person=approver, kind="waiting", portal=False, mail="never")
    assert told() == set()


def test_event_and_what_is_to_be_told_live_and_die_together(submitted: Change) -> None:
    told()
    with transaction.atomic():
        ledger.record_event("change.applied", change=submitted.pk)
        assert PendingEvent.objects.count() == 1
        transaction.set_rollback(True)
    assert PendingEvent.objects.count() == 0


@pytest.mark.parametrize("action", sorted({rule.action for rule in ROUTES}))
def test_the_database_queues_every_event_that_the_table_names(action: str) -> None:
    assert PendingEvent.objects.filter(event=ledger.record_event(action)).exists()


def test_the_database_queues_no_other_events() -> None:
    for action in ("vault.responded", "audit.read", "session.started", "delivery.started", "vote.refused"):
        ledger.record_event(action)
    assert not PendingEvent.objects.exists()


def test_an_event_that_cannot_be_told_holds_up_no_other(submitted: Change, approver: User) -> None:
    PendingEvent.objects.create(event=2**40)
    PendingEvent.objects.create(event=-1)
    assert ("approver", "waiting") in told()
    assert set(PendingEvent.objects.values_list("event", flat=True)) == {-1, 2**40}


@pytest.mark.django_db(transaction=True)
def test_tellers_side_by_side_tell_once(submitted: Change, approver: User, approver2: User) -> None:
    User.objects.update(email="somebody@example.com")
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        dispatch.dispatch_events()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Notification.objects.values_list("recipient__username", flat=True)) == ["approver", "approver2"]
    assert not PendingEvent.objects.exists()


def test_every_kind_is_in_the_table_and_the_table_names_no_other() -> None:
    assert {rule.kind for rule in ROUTES} == set(NOTIFICATION_TYPES)


def test_the_sweep_that_expires_a_change_has_it_told(submitted: Change) -> None:
    told()
    Change.objects.filter(pk=submitted.pk).update(expires_at=submitted.created_at)
    sweep.run_sweep()
    assert told() == {("requester", "expired")}


def test_an_escalation_as_the_delivery_writes_it_is_told(submitted: Change, admin: User) -> None:
    told()
    with transaction.atomic():
        status_changes.escalate_to_operator(at(submitted, Status.IN_DOUBT), StatusCause.THIRD_VALUE)
    assert told() == {("requester", "stuck"), ("admin", "escalated")}
