"""What is said of a change is what was seen: each situation has a cause of its own, and none claims more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes import transitions
from portal.changes.delivery import readback, reconcile, sweep
from portal.changes.delivery import verified_patch as proof
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, CircuitBreaker, Status, StatusCause
from portal.changes.presenters import next_steps
from portal.changes.presenters.particulars import list_particulars
from portal.changes.workflow import manual_resolution, submission
from portal.common import keyring
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changing import approve, work
from tests.people import mirrored
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db(transaction=True)
Approved = Callable[..., Change]
AsPerson = Callable[[User], Client]
NO_ACCESS = "refuse:1006:User does not have access"


def updates(segura: Sandbox) -> list[dict[str, object]]:
    return segura.control.arrivals("update")


@pytest.mark.parametrize("label", ["Nothing was sent", "Nothing was changed", "is as it was"])
def test_no_cause_says_of_the_past_what_only_this_delivery_knows(label: str) -> None:
    assert [cause for cause in StatusCause if label in str(cause.label)] == []


@pytest.mark.parametrize("fault", ["504_after_apply", "504_before_apply", "drop", "html_201"])
@pytest.mark.parametrize("refusal", [{"fault": NO_ACCESS}, {"status": 403, "body": "{}"}])
def test_change_whose_read_back_is_refused_is_not_called_not_applied(
    fault: str, refusal: dict[str, object], segura: Sandbox, approved: Approved
) -> None:
    segura.control.plan(fault, endpoint="update")
    change = work(approved())
    segura.control.plan(endpoint="get", times=None, **refusal)
    reconcile.resolve_unknown_outcome(change.pk)
    change.refresh_from_db()
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.REPEAT_UNREAD)
    assert "not applied" not in change.get_cause_display()


@pytest.mark.parametrize("echo", ["masked_middle", "omitted"])
@pytest.mark.parametrize("fault", ["504_after_apply", "504_before_apply"])
def test_client_secret_that_cannot_be_seen_is_not_called_not_applied(
    echo: str, fault: str, segura: Sandbox, approved: Approved
) -> None:
    segura.control.knobs(secret_echo=echo)
    segura.control.plan(fault, endpoint="update")
    change = work(approved(value="new-value", url="https://gcp-eu.example", base=None))
    segura.control.edit(43, url="https://gcp-eu.example")
    reconcile.resolve_unknown_outcome(change.pk)
    change.refresh_from_db()
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.REPEAT_HIDDEN)
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.CONFIRMED_UNSEEN)


@pytest.mark.parametrize(
    ("echo", "cause"),
    [
        ("masked_middle", StatusCause.CONFIRMED_UNSEEN),
        ("omitted", StatusCause.CONFIRMED_UNSEEN),
        ("clear", StatusCause.CONFIRMED),
    ],
)
def test_confirmation_says_whether_the_new_client_secret_was_seen(
    echo: str, cause: StatusCause, segura: Sandbox, approved: Approved
) -> None:
    segura.control.knobs(secret_echo=echo)
    change = work(approved(value="new-value", base=None))
    assert (change.status, change.cause, change.verified_at) == (Status.APPLIED, cause, None)


def test_answer_that_shows_another_client_secret_is_read_back(segura: Sandbox, approved: Approved) -> None:
    segura.control.knobs(update_success_style="201_stale_body")
    change = work(approved(value="new-value"))
    assert (change.status, change.cause) == (Status.IN_DOUBT, StatusCause.ECHO_DIFFERS)
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.READ_BACK)


@pytest.mark.parametrize("fault", ["429:0", "503_no_peer"])
def test_call_that_was_turned_away_and_executed_all_the_same_is_found_applied(
    fault: str, segura: Sandbox, approved: Approved
) -> None:
    segura.control.plan(fault, endpoint="update", apply="before")
    change = work(approved(value="new-value"))
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.NOT_APPLIED)
    Change.objects.update(not_before=None)
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.READ_BACK)
    assert len(updates(segura)) == 1


@pytest.mark.parametrize("fault", ["429:0", "503_no_peer"])
def test_change_that_goes_stale_after_a_call_does_not_deny_the_call(
    fault: str, segura: Sandbox, approved: Approved, as_person: AsPerson, requester: User
) -> None:
    segura.control.plan(fault, endpoint="update")
    change = work(approved())
    segura.control.edit(43, notes="edited behind the portal")
    Change.objects.update(not_before=None)
    assert (work(change).status, change.cause) == (Status.STALE, StatusCause.MOVED_AFTER_CALL)
    submission.withdraw_change(change.pk, by=requester)
    words = text_of(page_of(as_person(requester), change))
    assert "took it back. Nothing was sent." not in words
    assert "Its calls are listed" in words


def test_change_whose_values_are_there_already_is_stale_and_says_so(segura: Sandbox, approved: Approved) -> None:
    change = approved()
    segura.control.edit(43, url="https://gcp-eu.example")
    assert (work(change).status, change.cause) == (Status.STALE, StatusCause.ALREADY_THERE)
    assert updates(segura) == []


def test_secret_that_is_gone_before_the_call_is_not_said_to_be_a_refused_change(
    segura: Sandbox, approved: Approved
) -> None:
    change = approved()
    segura.control.plan("refuse:1005:Api secret not found", endpoint="get")
    assert (work(change).status, change.cause) == (Status.FAILED, StatusCause.NOT_FOUND)


@pytest.mark.parametrize("fault", ["401", "500_envelope", "html_502"])
def test_update_without_a_token_is_said_not_to_be_sent(fault: str, segura: Sandbox, approved: Approved) -> None:
    change = approved()
    real, told = readback.read_back, []

    def read_then_forget(client: object, secret: int) -> readback.Readback:
        reading = real(client, secret)
        client._tokens.drop(client._key, client._tokens.get(client._key))
        segura.control.plan(fault, endpoint="token", times=None)
        told.append(reading)
        return reading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readback, "read_back", read_then_forget)
        work(change)
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.NOT_SENT)
    assert Attempt.objects.get().outcome == "not_sent"


SHARED = [["nobody-knows-me", False], ["pduarte", True]]


@pytest.mark.parametrize("style", ["names", "objects", "message_strings", "always_empty"])
@pytest.mark.parametrize("field", ["users_allowed", "groups_allowed"])
def test_change_of_which_segura_takes_a_part_is_applied_except_for_the_named_entries(
    style: str, field: str, segura: Sandbox, approved: Approved, as_person: AsPerson, requester: User
) -> None:
    segura.control.knobs(shared_error_style=style)
    known = "pduarte" if field == "users_allowed" else "Test group"
    entries = sorted([["nobody-knows-me", False], ["nor-me", True], [known, True]])
    change = work(approved(notes="new notes", **{field: entries}), rounds=2)
    assert (change.status, change.cause) == (Status.APPLIED, StatusCause.APPLIED_EXCEPT)
    assert change.cause_details["untaken"] == [[field, "nobody-knows-me"], [field, "nor-me"]]
    assert events("change.applied")[0]["data"]["untaken"] == change.cause_details["untaken"]
    words = text_of(page_of(as_person(requester), change))
    assert "nobody-knows-me, nor-me" in words
    assert next_steps.next_step_line(change, 0) == "Applied in part"
    later = approved(base=None, notes="of a later change")
    assert work(later).status == Status.APPLIED


@pytest.mark.parametrize("shares", [[["ghost", False]], [["ghost", True], ["spook", False]]])
def test_list_of_which_segura_takes_nothing_fails_and_blocks_no_other_change(
    shares: list[list[object]], segura: Sandbox, approved: Approved
) -> None:
    before = [[name, can_edit] for name, can_edit in segura.control.secret(43)["users_allowed"].items()]
    change = work(approved(users_allowed=sorted([*before, *shares])), rounds=2)
    assert (change.status, change.cause) == (Status.FAILED, StatusCause.NONE_TAKEN)
    assert [name for _, name in change.cause_details["untaken"]] == [name for name, _ in shares]
    assert work(approved(base=None, notes="of a later change")).status == Status.APPLIED


def test_check_again_after_a_partial_success_says_what_was_seen(
    segura: Sandbox, approved: Approved, admin: User, as_person: AsPerson
) -> None:
    change = work(approved(users_allowed=SHARED))
    segura.control.edit(43, users_allowed={"dora": True})
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.PARTLY_APPLIED)
    manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.PARTLY_APPLIED)
    assert len(updates(segura)) == 1
    assert "applied in part" in text_of(page_of(as_person(admin), change))
    why = "pduarte is there, the other not"
    closed = manual_resolution.resolve_change(
        change.pk, by=admin, applied=True, in_part=True, reason=why, recent_auth=PRESENT
    )
    assert (closed.status, closed.cause) == (Status.APPLIED, StatusCause.CLOSED_IN_PART)


@pytest.mark.parametrize(
    "step",
    [
        {"fault": "refuse:1005:Api secret not found", "status": 200},
        {"status": 413, "body": "<html>Request Entity Too Large</html>"},
        {"status": 413, "body": '{"message":"Request size limit exceeded"}'},
        {
            "status": 404,
            "body": '{"code":404,"response":{"status":404,"message":"Resource sub not found","error":true}}',
        },
        {"status": 403, "body": '{"message":"Your IP address is not allowed"}'},
        {"status": 422, "body": "{}"},
        {"status": 400, "body": '{"code":400,"response":{"status":400,"message":"Malformed JSON","error":true}}'},
    ],
)
def test_answer_that_says_no_is_sent_once_and_believed_after_reading_back(
    step: dict[str, object], segura: Sandbox, approved: Approved
) -> None:
    segura.control.plan(endpoint="update", times=None, **{"apply": "never", **step})
    change = work(approved())
    assert (change.status, change.cause, change.replay_window_until) == (
        Status.IN_DOUBT,
        StatusCause.REFUSED_CHECK,
        None,
    )
    assert (work(change).status, change.cause) == (Status.FAILED, StatusCause.REFUSED_SEEN)
    assert len(updates(segura)) == 1


def test_answer_that_says_no_is_not_believed_if_the_values_are_there(segura: Sandbox, approved: Approved) -> None:
    segura.control.plan(endpoint="update", status=413, body="{}", apply="before")
    change = work(approved())
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.READ_BACK)


def test_answer_that_says_no_needs_a_person_if_the_secret_cannot_be_read(segura: Sandbox, approved: Approved) -> None:
    segura.control.plan(endpoint="update", status=413, body="{}", apply="never")
    change = work(approved())
    segura.control.plan(NO_ACCESS, endpoint="get")
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.REFUSED_UNSEEN)


@pytest.mark.parametrize(
    "answer",
    [
        '{"code":200,"response":{"status":200,"error":false},"api_secret_entity":{"identifier":"ID","notes":false}}',
        '{"code":200,"response":{"status":200,"error":false},"api_secret_entity":{"identifier":"ID","users_allowed":[{}]}}',
        '{"code":200,"response":{"status":200,"error":false},"api_secret_entity":{"identifier":"7777"}}',
        '{"code":200,"response":{"status":200,"error":true}}',
        '{"code":200,"response":{"status":200,"error":false},"filler":"' + "x" * 1_100_000 + '"}',
        '{"code":500,"response":{"status":500,"message":"Unexpected error.","error":true,"error_code":1}}',
    ],
    ids=["notes", "share", "other secret", "error", "long", "500"],
)
def test_secrets_that_cannot_be_read_never_pause_the_delivery_of_others(
    answer: str,
    segura: Sandbox,
    no_queue: None,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    approved: Approved,
) -> None:
    status = 500 if '"code":500' in answer else 200
    healthy = approved()
    for secret in (12, 14, 15, 17, 18, 21):
        mirrored(secret, f"secret {secret}")
        change = approve(
            submission.submit_change(propose(identifier=secret, base=None, notes="x"), by=requester), approver
        )
        body = answer.replace("ID", str(secret))
        segura.control.plan(endpoint="get", identifier=str(secret), times=None, status=status, body=body)
        assert (work(change).status, change.cause) == (Status.APPROVED, StatusCause.UNREADABLE)
    assert not CircuitBreaker.objects.filter(failures__gt=0).exists()
    assert work(healthy).status == Status.APPLIED


@pytest.mark.parametrize("endpoint", ["get", "update"])
@pytest.mark.parametrize(
    "step", [{"fault": "502"}, {"status": 200, "body": "<html>Sign in</html>"}, {"fault": "drop_before"}]
)
def test_answers_that_are_not_seguras_own_still_pause_delivery(
    endpoint: str, step: dict[str, object], segura: Sandbox, approved: Approved
) -> None:
    change = approved()
    segura.control.plan(endpoint=endpoint, times=1, **{"apply": "never", **step})
    work(change)
    assert CircuitBreaker.objects.get().failures == 1


def test_change_that_another_change_overtook_names_it(
    segura: Sandbox, approved: Approved, as_person: AsPerson, requester: User
) -> None:
    first, second = approved(name="A new name"), approved(notes="new notes")
    third = approved(tags="x")
    assert work(first).status == Status.APPLIED
    assert (work(second).status, second.cause) == (Status.STALE, StatusCause.MOVED_BY_CHANGE)
    assert first.reference in text_of(page_of(as_person(requester), second))
    assert list_particulars(second) == [f"It was changed by {first.reference}."]
    segura.control.edit(43, url="https://by-hand.example")
    assert (work(third).status, third.cause) == (Status.STALE, StatusCause.BASE_MOVED)


def test_approver_of_a_second_change_is_warned(
    segura: Sandbox,
    approved: Approved,
    live_base: object,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    as_person: AsPerson,
) -> None:
    first = approved(name="A new name")
    second = submission.submit_change(propose(base=live_base, notes="new notes"), by=requester)
    assert f"{first.reference} of the same secret is approved and is sent first" in text_of(
        page_of(as_person(approver), second)
    )


def test_retry_leaves_the_time_of_the_approval_and_is_a_step_of_its_own(
    segura: Sandbox, approved: Approved, requester: User
) -> None:
    segura.control.plan(NO_ACCESS, endpoint="update")
    change = work(approved())
    vote = change.votes.get().voted_at
    for _ in range(2):
        failed_at = change.closed_at
        manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)
        change.refresh_from_db()
        assert change.queued_at > failed_at
        steps = {step.word: step.at for step in next_steps.progress_steps(change)}
        assert (steps["Approved"], steps["Retried"]) == (vote, change.queued_at)
        segura.control.plan(NO_ACCESS, endpoint="update")
        assert work(change).status == Status.FAILED


def test_time_of_a_status_is_when_it_came_to_it(segura: Sandbox, approved: Approved) -> None:
    segura.control.plan("504_after_apply", endpoint="update")
    change = work(approved())
    since = change.status_since
    segura.control.plan("504_before_apply", endpoint="get", times=2)
    assert work(change, rounds=2).status == Status.IN_DOUBT
    assert change.updated_at > since
    assert [step.at for step in next_steps.progress_steps(change) if step.state == "problem"] == [since]


def test_worker_that_lost_its_claim_while_it_could_not_prepare_says_so(
    segura: Sandbox, approved: Approved, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (proof.Tampered(), keyring.CannotDecrypt("x"), RuntimeError("broken")):
        change = approved(base=None)

        def taken_over(of: Change, _revision: object, error: Exception = error) -> None:
            Change.objects.filter(pk=of.pk).update(fence=of.fence + 1)
            raise error

        monkeypatch.setattr(proof, "build_verified_patch", taken_over)
        before = len(events("delivery.claim_lost"))
        assert work(change).status == Status.SENDING
        assert len(events("delivery.claim_lost")) == before + 1
        Change.objects.filter(pk=change.pk).update(lease_until=transitions.db_now())
        monkeypatch.undo()
        sweep.run_sweep()
        Change.objects.filter(pk=change.pk).update(status=Status.WITHDRAWN)
