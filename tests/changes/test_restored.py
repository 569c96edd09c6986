"""A backup came back: what was approved in it is read back before anything is sent, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import F

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import LANE, Change, Status, StatusCause
from portal.changes.rules.guards import NotAllowed
from portal.changes.workflow import delivery_pause, manual_resolution, submission
from portal.changes.workflow.restore import SKIPPED, apply_restore_safeguards
from portal.sandbox import Sandbox
from tests.changing import work
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db
WHY = "restored from yesterday's backup"
Approved = Callable[..., Change]


@pytest.fixture
def restore(admin: User) -> Callable[[], None]:
    """What the operator does, and, having looked, lets delivery go on."""

    def act() -> None:
        call_command("after_restore", by="admin", reason=WHY)
        assert not Change.objects.filter(status__in=LANE).exclude(status=Status.IN_DOUBT).exists()
        delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)

    return act


def forget(change: Change) -> None:
    """Row and log as the backup has them: of before the delivery."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
        Event.objects.filter(change=change.pk, action="change.applied").delete()
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only")
    Change.objects.filter(pk=change.pk).update(
        status=Status.APPROVED,
        cause=StatusCause.NONE,
        closed_at=None,
        fence=0,
        in_doubt_since=None,
        replay_window_until=None,
    )


def test_nothing_goes_out_until_somebody_lets_it(segura: Sandbox, approved: Approved, admin: User) -> None:
    change = approved()
    call_command("after_restore", by="admin", reason=WHY)
    assert work(change, rounds=3).cause == StatusCause.RESTORED
    assert segura.control.arrivals("update") == []
    (held,) = events("audit.restored")
    assert (held["data"]["changes"], held["data"]["held_for"]) == ([change.pk], "admin")


def test_what_was_sent_after_the_backup_is_found_and_not_sent_again(
    segura: Sandbox, approved: Approved, restore: Callable[[], None]
) -> None:
    change = work(approved())
    assert change.status == Status.APPLIED
    forget(change)
    restore()
    assert work(change).status == Status.APPLIED
    assert change.cause == StatusCause.READ_BACK
    assert len(segura.control.arrivals("update")) == 1


def test_what_was_not_sent_yet_is_sent_once(segura: Sandbox, approved: Approved, restore: Callable[[], None]) -> None:
    change = approved()
    restore()
    assert work(change, rounds=2).status == Status.APPLIED
    assert len(segura.control.arrivals("update")) == 1


def test_what_others_changed_since_goes_to_a_person(
    segura: Sandbox, approved: Approved, restore: Callable[[], None]
) -> None:
    change = work(approved())
    forget(change)
    segura.control.edit(43, url="https://somebody-else.example")
    restore()
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.THIRD_VALUE)
    assert len(segura.control.arrivals("update")) == 1


@pytest.mark.parametrize("lost_first", [False, True])
def test_what_cannot_be_read_back_goes_to_a_person(
    segura: Sandbox, approved: Approved, restore: Callable[[], None], lost_first: bool
) -> None:
    change = approved()
    restore()
    if lost_first:  # the first reading gets no answer, which proves nothing
        segura.control.plan("503", endpoint="get")
        assert (work(change).status, change.cause) == (Status.APPROVED, StatusCause.RESTORED)
        Change.objects.update(not_before=None)
    segura.control.plan("refuse:1004:You have no permission", endpoint="get")
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.RESTORED_UNSEEN)
    assert segura.control.arrivals("update") == []


def test_another_look_still_sends_nothing_that_cannot_be_read_back(
    segura: Sandbox, approved: Approved, restore: Callable[[], None], admin: User
) -> None:
    change = approved()
    restore()
    segura.control.edit(43, need_approval=True)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.RESTORED_UNSEEN)
    for _ in range(2):
        manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)
        Change.objects.update(replay_window_until=None)
        assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.RESTORED_UNSEEN)
    assert segura.control.arrivals("update") == []
    segura.control.edit(43, need_approval=False)
    manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)
    assert work(change, rounds=2).status == Status.APPLIED


def test_a_day_without_an_answer_leads_to_no_blind_call_either(
    segura: Sandbox, approved: Approved, restore: Callable[[], None], admin: User
) -> None:
    change = work(approved())
    forget(change)
    Change.objects.update(status=Status.SENDING, fence=1)
    restore()
    segura.control.plan("503", endpoint="get", times=None)
    Change.objects.update(in_doubt_since=F("in_doubt_since") - timedelta(days=2), replay_window_until=None)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.RESTORED_UNSEEN)


def test_a_delivery_that_was_under_way_is_in_doubt_and_two_of_a_secret_keep_their_order(
    segura: Sandbox, approved: Approved, restore: Callable[[], None]
) -> None:
    first, second = approved(), approved(notes="the second one")
    Change.objects.filter(pk=first.pk).update(status=Status.SENDING, fence=1)
    restore()
    assert list(Change.objects.order_by("pk").values_list("status", flat=True)) == [Status.IN_DOUBT, Status.APPROVED]
    assert work(second).status == Status.APPROVED
    Change.objects.update(replay_window_until=None)  # whatever the gateway may still have replayed is over
    assert work(first, rounds=2).status == Status.APPLIED


def test_numbers_are_not_given_twice_and_everybody_signs_in_again(
    propose: Callable[..., Proposal], requester: User, restore: Callable[[], None], client: object
) -> None:
    before = submission.submit_change(propose(), by=requester)
    newest = Event.objects.latest("pk").pk
    Session.objects.create(session_key="x" * 32, session_data="", expire_date="2099-01-01T00:00Z")
    restore()
    assert submission.submit_change(propose(), by=requester).pk > before.pk + SKIPPED
    assert Event.objects.latest("pk").pk > newest + SKIPPED
    assert not Session.objects.exists()


def test_only_in_the_name_of_somebody_who_operates_the_portal(requester: User) -> None:
    with pytest.raises(NotAllowed):
        apply_restore_safeguards(by=requester, reason=WHY, actor="console", lost_checkpoint="")
    with pytest.raises(CommandError, match="There is no account"):
        call_command("after_restore", by="nobody", reason=WHY)


def test_refused_while_anybody_else_is_connected(admin: User) -> None:
    other = connections.create_connection("default")
    other.ensure_connection()
    try:
        with pytest.raises(CommandError, match="stop the portal"):
            call_command("after_restore", by="admin", reason=WHY)
    finally:
        other.close()
