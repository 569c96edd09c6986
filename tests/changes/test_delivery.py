"""The machine's step against the stand-in over HTTP: what is sent, what is found out, what is never guessed."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.delivery import claims, deliver, readback, results, sweep
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, Revision, Status, StatusCause
from portal.changes.workflow import manual_resolution, submission
from portal.sandbox import Sandbox
from portal.vault import Applied, Client, Outcome, ReadRefused
from tests.changing import approve, work
from tests.people import mirrored
from tests.segura import events, forget_tokens
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db


def updates(segura: Sandbox) -> list[dict[str, object]]:
    return segura.control.arrivals("update")


def applications(segura: Sandbox) -> list[dict[str, object]]:
    return list(segura.control.journal()["applications"])


def test_an_approved_change_is_applied_once_with_exactly_its_fields(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = work(approved(url="https://gcp-eu.example", value="brand-new-secret"))
    assert (change.status, change.cause, change.last_http_status) == (Status.APPLIED, StatusCause.CONFIRMED, 200)
    (update,) = updates(segura)
    assert update["keys"] == ["client_secret", "url"]
    attempt = Attempt.objects.get(change=change)
    assert (update["attempt_id"], attempt.http_status, attempt.outcome) == (str(attempt.pk), 200, "applied")
    assert Revision.objects.get(change=change).encrypted_secret is None


def test_every_exchange_is_in_the_log_with_its_code(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = work(approved())
    answered = [event for event in events("vault.responded") if event["change"] == change.pk]
    assert [(event["data"]["method"], event["http_status"]) for event in answered][-2:] == [("GET", 200), ("PUT", 200)]
    assert answered[-1]["data"]["attempt"] == str(Attempt.objects.get().pk)
    actions = list(Event.objects.filter(change=change.pk).order_by("seq").values_list("action", flat=True))
    wanted = ["delivery.started", "delivery.intended", "vault.responded", "delivery.answered", "change.applied"]
    assert [action for action in actions if action in wanted][-4:] == wanted[1:]


@pytest.mark.django_db(transaction=True)
def test_a_call_is_written_down_and_committed_before_it_is_made(
    approved: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    update, found = Client.update_secret, []

    def watched(*args: Any, **options: Any) -> Outcome:
        found.append((Attempt.objects.count(), len(events("delivery.intended")), connection.in_atomic_block))
        return update(*args, **options)

    monkeypatch.setattr(Client, "update_secret", watched)
    assert work(approved()).status == Status.APPLIED
    assert found == [(1, 1, False)]


def test_nothing_is_sent_for_a_change_that_is_not_approved(
    segura: Sandbox, no_queue: None, propose: Callable[..., Proposal], requester: User
) -> None:
    change = submission.submit_change(propose(), by=requester)
    assert work(change).status == Status.PENDING
    assert segura.control.arrivals() == []


def test_a_second_worker_loses_the_claim(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    assert claims.claim_change(change.pk) is not None
    assert claims.claim_change(change.pk) is None


def test_a_base_that_moved_makes_the_change_stale_and_sends_nothing(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = approved()
    segura.control.edit(43, notes="edited behind the portal")
    assert work(change).status == Status.STALE
    assert updates(segura) == []


def test_a_client_secret_that_moved_makes_the_change_stale(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    segura.control.edit(43, client_secret="rotated-by-hand")
    assert work(change).status == Status.STALE


def test_an_unknown_base_is_sent_without_comparison(segura: Sandbox, approved: Callable[..., Change]) -> None:
    assert work(approved(base=None)).status == Status.APPLIED


def test_a_base_that_can_no_longer_be_read_is_not_overwritten(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    segura.control.plan("refuse:1006:User does not have access", endpoint="get")
    assert (work(change).status, change.cause) == (Status.STALE, StatusCause.BASE_UNSEEN)


def test_a_refusal_fails_the_change_and_a_retry_keeps_the_votes(
    segura: Sandbox, approved: Callable[..., Change], requester: User
) -> None:
    segura.control.plan("refuse:1006:User does not have access", endpoint="update")
    change = work(approved())
    assert (change.status, change.last_http_status) == (Status.FAILED, 400)
    assert "1006" in change.last_message
    manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)
    assert work(change).status == Status.APPLIED


@pytest.mark.parametrize(
    "fault", ["503_after_apply", "504_after_apply", "drop", "reset", "cut_status_line", "empty_201", "html_201"]
)
def test_an_applied_call_without_an_answer_is_found_out_by_reading(
    fault: str, segura: Sandbox, approved: Callable[..., Change]
) -> None:
    segura.control.plan(fault, endpoint="update")
    change = work(approved(value="new-value"))
    assert (change.status, change.unknown_outcomes) == (Status.IN_DOUBT, 1)
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.READ_BACK)
    assert change.verified_at is not None
    assert len(updates(segura)) == 1


@pytest.mark.parametrize("fault", ["504_before_apply", "502", "500_envelope", "drop_before"])
def test_a_call_that_was_not_applied_is_sent_again_with_the_same_bytes(
    fault: str, segura: Sandbox, approved: Callable[..., Change]
) -> None:
    segura.control.plan(fault, endpoint="update")
    change = work(approved(value="new-value"))
    assert change.status == Status.IN_DOUBT
    assert work(change).status == Status.APPLIED
    first, second = updates(segura)
    assert first["body_sha256"] == second["body_sha256"]
    assert first["attempt_id"] != second["attempt_id"]


def test_a_third_value_is_never_overwritten(segura: Sandbox, approved: Callable[..., Change]) -> None:
    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    segura.control.edit(43, url="https://somebody-else.example")
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.THIRD_VALUE)
    assert len(updates(segura)) == 1


def test_doubt_without_a_read_back_sends_the_same_bytes_again(segura: Sandbox, approved: Callable[..., Change]) -> None:
    segura.control.plan("504_after_apply", endpoint="update")
    change = work(approved())
    segura.control.plan("refuse:1006:User does not have access", endpoint="get", times=2)
    assert work(change).status == Status.APPLIED
    assert len(updates(segura)) == 2


def test_a_refused_repeat_is_for_a_person(segura: Sandbox, approved: Callable[..., Change]) -> None:
    segura.control.plan("504_after_apply", endpoint="update")
    change = work(approved())
    segura.control.plan("refuse:1006:User does not have access", times=3)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.REFUSED_REPEAT)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("no_route", StatusCause.NOT_APPLIED), ("401", StatusCause.NOT_APPLIED), ("429:2", StatusCause.NOT_APPLIED)],
)
def test_a_call_turned_away_waits_and_is_sent_again(
    fault: str, cause: StatusCause, segura: Sandbox, settings: Settings, approved: Callable[..., Change]
) -> None:
    change = approved()
    segura.control.plan(fault, endpoint="update", times=2)
    assert (work(change).status, change.cause) == (Status.APPROVED, cause)
    assert change.not_before is not None
    assert change.not_before > timezone.now() - timezone.timedelta(seconds=5)
    segura.control.clear_faults()
    Change.objects.update(not_before=None)
    forget_tokens(settings.REDIS_URL)  # and the wait that was asked for
    assert work(change).status == Status.APPLIED
    assert len(applications(segura)) == 1


def test_an_unreachable_vault_costs_nothing_but_time(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    segura.stop()
    try:
        assert work(change).status == Status.APPROVED
        assert change.cause == StatusCause.UNREADABLE
        assert Attempt.objects.count() == 0
    finally:
        segura.start()
    time.sleep(0.05)
    assert work(change).status == Status.APPLIED


@pytest.mark.shows("D08")
def test_an_echo_that_differs_is_read_back(segura: Sandbox, approved: Callable[..., Change]) -> None:
    segura.control.knobs(update_success_style="201_stale_body")
    change = work(approved())
    assert (change.status, change.cause) == (Status.IN_DOUBT, StatusCause.ECHO_DIFFERS)
    assert work(change).status == Status.APPLIED


def test_a_tampered_revision_is_never_sent(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved(value="approved-value")
    other = approved(value="other-value")
    # Two sealed values swapped by somebody with the database in hands.
    blob = other.get_current_revision().encrypted_secret
    Revision.objects.filter(change=change).update(encrypted_secret=blob)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.UNOPENED)
    assert updates(segura) == []


def test_an_approved_status_without_votes_is_never_sent(
    segura: Sandbox, no_queue: None, live_base: Snapshot, propose: Callable[..., Proposal], requester: User
) -> None:
    change = submission.submit_change(propose(base=live_base), by=requester)
    Change.objects.update(status=Status.APPROVED, approved_at=timezone.now())
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert updates(segura) == []


def test_a_later_change_waits_for_the_earlier_one_and_for_its_hold(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change]
) -> None:
    settings.DELIVERY_HOLD_S = 1.0
    segura.control.plan("504_after_apply", endpoint="update", replays=[0.4])
    first = approved(url="https://first.example")
    second = approved(base=None, url="https://second.example")
    assert work(second).status == Status.APPROVED
    assert work(first).status == Status.IN_DOUBT
    assert work(second).status == Status.APPROVED
    assert work(first).status == Status.APPLIED
    assert work(second).status == Status.APPROVED, "the gateway may still replay the first call"
    time.sleep(1.1)
    assert work(second).status == Status.APPLIED
    assert segura.control.secret(43)["url"] == "https://second.example"


def test_changes_of_other_secrets_do_not_wait(
    segura: Sandbox, approved: Callable[..., Change], propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    segura.control.plan("504_before_apply", endpoint="update", identifier="43")
    stuck = work(approved())
    assert stuck.status == Status.IN_DOUBT
    other = next(row for row in segura.control.secrets() if row["name"] != "GCP" and row["active"])
    mirrored(int(other["identifier"]), other["name"])
    change = submission.submit_change(propose(base=None, identifier=int(other["identifier"]), notes="x"), by=requester)
    assert work(approve(change, approver)).status == Status.APPLIED


def test_a_dead_worker_before_the_intent_means_not_sent(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change]
) -> None:
    settings.DELIVERY_LEASE_S = 0.05
    change = approved()
    assert claims.claim_change(change.pk)
    time.sleep(0.1)
    sweep.run_sweep()
    change.refresh_from_db()
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.NEVER_STARTED)


def test_a_dead_worker_after_the_intent_means_doubt(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change]
) -> None:
    settings.DELIVERY_LEASE_S = 0.05
    change = approved()
    claimed = claims.claim_change(change.pk)
    assert claimed
    Attempt.objects.create(change=change, revision=1, fence=claimed.fence, digest="d", started_at=timezone.now())
    time.sleep(0.1)
    assert sweep.run_sweep() == [change.pk]
    change.refresh_from_db()
    assert (change.status, change.cause) == (Status.IN_DOUBT, StatusCause.WORKER_LOST)
    settings.DELIVERY_LEASE_S = 10
    assert work(change).status == Status.APPLIED


def test_a_sweep_expires_what_nobody_decided(segura: Sandbox, submitted: Change) -> None:
    Change.objects.update(expires_at=timezone.now() - timezone.timedelta(seconds=5))
    sweep.run_sweep()
    submitted.refresh_from_db()
    assert submitted.status == Status.EXPIRED


def test_doubt_that_never_clears_is_handed_to_a_person(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change], admin: User
) -> None:
    settings.DELIVERY_MAX_UNKNOWN_OUTCOMES = 3
    segura.control.plan("504_before_apply", endpoint="update", times=None)
    change = work(approved(), rounds=6)
    assert (change.status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TRIES_SPENT)
    assert len(updates(segura)) == 4
    segura.control.clear_faults()
    manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)
    assert work(change).status == Status.APPLIED


def test_no_settings_no_call_and_a_sentence(settings: Settings, approved: Callable[..., Change]) -> None:
    change = approved()
    settings.SEGURA_URL = ""
    assert (work(change).status, change.cause) == (Status.APPROVED, StatusCause.NOT_CONFIGURED)
    assert "SEGURA_URL" in change.last_message


@pytest.mark.shows("D08")
def test_share_entry_that_segura_does_not_take_is_named_and_is_not_sent_again(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = work(approved(users_allowed=[["nobody-knows-me", False], ["pduarte", True]]))
    assert (change.status, change.cause) == (Status.IN_DOUBT, StatusCause.ECHO_DIFFERS)
    assert "nobody-knows-me" in change.last_message
    assert (work(change).status, change.cause) == (Status.FAILED, StatusCause.NONE_TAKEN)  # pduarte was there before
    assert change.cause_details["untaken"] == [["users_allowed", "nobody-knows-me"]]
    assert len(updates(segura)) == 1


def test_an_answered_call_holds_the_secret_for_nobody(segura: Sandbox, approved: Callable[..., Change]) -> None:
    segura.control.knobs(update_success_style="201_stale_body")
    assert work(approved(), rounds=2).replay_window_until is None


def test_a_vault_that_is_away_makes_no_work_for_people_before_a_day_is_over(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change]
) -> None:
    settings.DELIVERY_MAX_UNKNOWN_OUTCOMES = 3
    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    segura.control.plan("refuse:1006:User does not have access", endpoint="get")
    segura.control.plan("503", endpoint="get", times=None)
    change = work(change, rounds=8)
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.UNREADABLE)
    Change.objects.update(in_doubt_since=timezone.now() - timezone.timedelta(hours=25))
    change = work(change)
    assert (change.status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TRIES_SPENT)


def test_a_blocked_secret_hides_no_other_from_the_sweep(
    segura: Sandbox,
    no_queue: None,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    mirrored(44, "Other")
    blocked = [approve(submission.submit_change(propose(), by=requester), approver) for _ in range(4)]
    Change.objects.filter(pk=blocked[0].pk).update(status=Status.NEEDS_ATTENTION)
    free = approve(submission.submit_change(propose(identifier=44), by=requester), approver)
    assert sweep.run_sweep() == [free.pk]


@pytest.mark.shows("F06")
def test_a_worker_that_lost_its_lease_sends_nothing_and_says_so(
    segura: Sandbox, approved: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = approved()

    def taken_over(*_: object) -> readback.Readback:
        Change.objects.filter(pk=change.pk).update(fence=9)
        return readback.Readback(None, ReadRefused("1005: Api secret not found", status=400, number=1005))

    monkeypatch.setattr(readback, "read_back", taken_over)
    deliver.deliver_approved_change(change.pk)
    assert updates(segura) == []
    assert [event["change"] for event in events("delivery.claim_lost")] == [change.pk]


def test_a_worker_overtaken_while_it_read_sends_nothing(
    segura: Sandbox, approved: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = approved()
    read = readback.read_back

    def overtaken(client: Client, secret: int) -> readback.Readback:
        seen = read(client, secret)
        Change.objects.filter(pk=change.pk).update(fence=9)
        return seen

    monkeypatch.setattr(readback, "read_back", overtaken)
    deliver.deliver_approved_change(change.pk)
    assert updates(segura) == []
    assert not Attempt.objects.exists()
    assert [event["change"] for event in events("delivery.claim_lost")] == [change.pk]


@pytest.mark.django_db(transaction=True)
def test_settle_and_take_over_never_wait_for_each_other_in_a_circle(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change]
) -> None:
    settings.DELIVERY_LEASE_S = 0.001
    for _ in range(10):
        change = approved(base=None)
        claimed = claims.claim_change(change.pk)
        assert claimed
        attempt = Attempt.objects.create(
            change=change, revision=1, fence=claimed.fence, digest="d", started_at=timezone.now()
        )
        at_once(functools.partial(results.record_result, attempt, Applied(status=200)), sweep.run_sweep)
        attempt.refresh_from_db()
        assert attempt.outcome == "applied"
        Change.objects.filter(pk=change.pk).update(status=Status.APPLIED, replay_window_until=None)


def at_once(*acts: Callable[[], object]) -> None:
    """Each in a thread and with a database connection of its own, all from the same moment on."""
    barrier = threading.Barrier(len(acts))

    def start(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for started in [pool.submit(start, act) for act in acts]:
            started.result(20)
