"""People's steps and their rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, StatusCause, Vote
from portal.changes.rules import guards
from portal.changes.transitions import WrongState
from portal.changes.workflow import manual_resolution, review, submission
from portal.vault import SecretStr
from tests.changing import approve
from tests.people import mirrored, person
from tests.segura import events
from tests.vouching import LOOKED, PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def fail(change: Change) -> None:
    """As if Segura had refused it just now."""
    Change.objects.filter(pk=change.pk).update(status=Status.FAILED, closed_at=timezone.now())
    Revision.objects.update(encrypted_secret=None)


def actions(change: Change) -> list[str]:
    return list(Event.objects.filter(change=change.pk).order_by("seq").values_list("action", flat=True))


def test_submit_makes_a_pending_change_with_its_event(submitted: Change) -> None:
    assert submitted.status == Status.PENDING
    assert submitted.get_current_revision().digest
    assert actions(submitted) == ["change.submitted"]


def test_the_same_proposal_submitted_twice_is_one_change(propose: Callable[..., Proposal], requester: User) -> None:
    proposal = propose()
    assert submission.submit_change(proposal, by=requester).pk == submission.submit_change(proposal, by=requester).pk
    assert Change.objects.count() == 1


def test_a_proposal_of_nothing_is_refused(propose: Callable[..., Proposal], requester: User) -> None:
    with pytest.raises(guards.NothingChanged):
        submission.submit_change(replace(propose(), patch={}), by=requester)


def test_a_reason_is_mandatory(propose: Callable[..., Proposal], requester: User) -> None:
    with pytest.raises(guards.ReasonMissing):
        submission.submit_change(replace(propose(), reason=" \n"), by=requester)


def test_only_requesters_propose(propose: Callable[..., Proposal], approver: User) -> None:
    with pytest.raises(guards.NotAllowed, match="Requesters"):
        submission.submit_change(propose(), by=approver)


@pytest.mark.parametrize("state", [{"can_write": False}, {"vanished": True}])
def test_a_secret_that_cannot_be_written_takes_no_proposal(
    state: dict[str, bool], propose: Callable[..., Proposal], requester: User
) -> None:
    secret = mirrored(can_write=state.get("can_write", True))
    if state.get("vanished"):
        secret.vanished_at = secret.first_seen_at
        secret.save()
    with pytest.raises(guards.NotWritable):
        submission.submit_change(propose(), by=requester)


def test_one_approval_by_an_approver_approves(submitted: Change, approver: User) -> None:
    change = approve(submitted, approver)
    assert change.status == Status.APPROVED
    assert change.approved_at is not None
    assert actions(change) == ["change.submitted", "vote.cast", "change.approved"]


def test_two_approvals_are_needed_where_the_policy_says_so(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    assert approve(change, approver).status == Status.PENDING
    with pytest.raises(guards.AlreadyVoted):
        approve(change, approver)
    assert approve(change, approver2).status == Status.APPROVED


def test_open_change_needs_as_many_approvals_as_the_stricter_of_then_and_now(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    strict = submission.submit_change(propose(), by=requester)
    settings.APPROVALS_REQUIRED = 1
    assert approve(strict, approver).status == Status.PENDING
    assert approve(strict, approver2).status == Status.APPROVED


def test_change_proposed_under_a_looser_policy_needs_the_approvals_of_today(
    settings: Settings, submitted: Change, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    assert approve(submitted, approver).status == Status.PENDING
    assert approve(submitted, approver2).status == Status.APPROVED


def test_an_approval_of_somebody_who_left_the_approvers_does_not_count(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    approve(change, approver)
    approver.groups.clear()
    assert approve(change, approver2).status == Status.PENDING


def test_requester_cannot_approve_own_change(submitted: Change, requester: User) -> None:
    roles.add_to_role(requester, Role.APPROVER)
    requester = User.objects.get(pk=requester.pk)
    with pytest.raises(guards.OwnChange):
        approve(submitted, requester)
    assert Vote.objects.count() == 0
    assert actions(submitted) == ["change.submitted", "vote.refused"]


def test_an_administrator_or_superuser_has_no_vote(submitted: Change, admin: User) -> None:
    User.objects.filter(pk=admin.pk).update(is_superuser=True, is_staff=True)
    with pytest.raises(guards.NotAllowed, match="Approvers"):
        approve(submitted, User.objects.get(pk=admin.pk))
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING


def test_an_auditor_cannot_vote(submitted: Change, auditor: User) -> None:
    with pytest.raises(guards.NotAllowed):
        approve(submitted, auditor)


def test_a_vote_on_an_earlier_revision_is_stale(
    submitted: Change, propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    seen = submitted.get_current_revision()
    submission.revise_change(submitted.pk, propose(url="https://other.example"), by=requester)
    with pytest.raises(guards.StaleRevision):
        review.approve_change(
            submitted.pk,
            by=approver,
            revision=seen.number,
            digest=seen.digest,
            recent_auth=PRESENT,
            review_proof=LOOKED,
        )


def test_a_vote_with_another_digest_is_stale(submitted: Change, approver: User) -> None:
    with pytest.raises(guards.StaleRevision):
        review.approve_change(
            submitted.pk, by=approver, revision=1, digest="0" * 64, recent_auth=PRESENT, review_proof=LOOKED
        )


def test_revising_voids_the_votes(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    approve(change, approver)
    change = submission.revise_change(change.pk, propose(url="https://other.example"), by=requester)
    assert (change.revision, change.status) == (2, Status.PENDING)
    assert approve(change, approver2).status == Status.PENDING
    assert approve(change, approver).status == Status.APPROVED


def test_only_the_requester_revises_or_withdraws(
    submitted: Change, propose: Callable[..., Proposal], requester2: User
) -> None:
    with pytest.raises(guards.NotAllowed):
        submission.revise_change(submitted.pk, propose(), by=requester2)
    with pytest.raises(guards.NotAllowed):
        submission.withdraw_change(submitted.pk, by=requester2)


def test_a_revision_cannot_change_the_secret_it_is_about(
    submitted: Change, propose: Callable[..., Proposal], requester: User
) -> None:
    mirrored(44, "Other")
    with pytest.raises(guards.NotAllowed):
        submission.revise_change(submitted.pk, propose(identifier=44), by=requester)


def test_an_approved_change_cannot_be_revised_or_withdrawn(
    submitted: Change, propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    approve(submitted, approver)
    for act in (
        lambda: submission.revise_change(submitted.pk, propose(), by=requester),
        lambda: submission.withdraw_change(submitted.pk, by=requester),
    ):
        with pytest.raises(WrongState):
            act()


def test_reject_needs_a_reason_and_ends_the_change(submitted: Change, approver: User, approver2: User) -> None:
    digest = submitted.get_current_revision().digest
    with pytest.raises(guards.ReasonMissing):
        review.reject_change(submitted.pk, by=approver, revision=1, digest=digest, reason="  ", recent_auth=PRESENT)
    change = review.reject_change(
        submitted.pk, by=approver, revision=1, digest=digest, reason="Wrong host", recent_auth=PRESENT
    )
    assert change.status == Status.REJECTED
    with pytest.raises(WrongState):
        approve(change, approver2)


@pytest.mark.parametrize("end", ["withdraw", "reject", "revise"])
def test_the_sealed_value_is_erased_when_the_change_ends_or_is_revised(
    end: str, propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    change = submission.submit_change(propose(value="s3cr3t-canary"), by=requester)
    first = change.get_current_revision()
    assert b"s3cr3t-canary" not in bytes(first.encrypted_secret or b"")
    if end == "withdraw":
        submission.withdraw_change(change.pk, by=requester)
    elif end == "reject":
        review.reject_change(change.pk, by=approver, revision=1, digest=first.digest, reason="No", recent_auth=PRESENT)
    else:
        submission.revise_change(change.pk, propose(), by=requester)
    assert not Revision.objects.exclude(encrypted_secret=None).exists()


def test_retry_asks_for_the_very_value_that_was_approved(
    propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    change = approve(submission.submit_change(propose(value="the-value"), by=requester), approver)
    fail(change)
    for wrong in (None, SecretStr("another")):
        with pytest.raises(guards.SecretMismatch):
            manual_resolution.retry_change(change.pk, by=requester, value=wrong, recent_auth=PRESENT)
    assert (
        manual_resolution.retry_change(
            change.pk, by=requester, value=SecretStr("the-value"), recent_auth=PRESENT
        ).status
        == Status.APPROVED
    )
    assert change.get_current_revision().encrypted_secret is not None


def test_wrong_values_for_a_retry_are_in_the_log_and_limited(
    propose: Callable[..., Proposal], requester: User, admin: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = approve(submission.submit_change(propose(value="canary-value"), by=requester), approver)
    other = approve(submission.submit_change(propose(value="canary-value"), by=requester), approver)
    fail(change)
    fail(other)
    for number in range(manual_resolution.WRONG_VALUES):
        with pytest.raises(guards.SecretMismatch, match="Enter the client secret"):
            manual_resolution.retry_change(
                change.pk,
                by=(requester, admin)[number % 2],
                value=SecretStr(f"canary-guess-{number}"),
                recent_auth=PRESENT,
            )
    for value in ("canary-guess", "canary-value"):
        with pytest.raises(guards.TooManyGuesses, match="Too many wrong values"):
            manual_resolution.retry_change(change.pk, by=requester, value=SecretStr(value), recent_auth=PRESENT)
    refused = events("change.retry_refused")
    assert [entry["data"]["rule"] for entry in refused] == ["ValueDiffers"] * 5 + ["GuessesSpent"] * 2
    assert {(entry["actor"], entry["change"], entry["secret"]) for entry in refused} == {
        ("requester", change.pk, 43),
        (admin.username, change.pk, 43),
    }
    assert "canary" not in str(refused)
    assert (
        manual_resolution.retry_change(
            other.pk, by=requester, value=SecretStr("canary-value"), recent_auth=PRESENT
        ).status
        == Status.APPROVED
    )
    monkeypatch.setattr(manual_resolution, "GUESSES_COUNT_FOR", timedelta(0))
    assert (
        manual_resolution.retry_change(
            change.pk, by=requester, value=SecretStr("canary-value"), recent_auth=PRESENT
        ).status
        == Status.APPROVED
    )


def test_a_retry_no_longer_says_that_segura_refused_it(submitted: Change, requester: User, approver: User) -> None:
    fail(approve(submitted, approver))
    Change.objects.filter(pk=submitted.pk).update(cause=StatusCause.REFUSED, last_http_status=400)
    retried = manual_resolution.retry_change(submitted.pk, by=requester, recent_auth=PRESENT)
    assert (retried.status, retried.cause, retried.last_http_status) == (Status.APPROVED, StatusCause.NONE, 400)


def test_a_revision_leaves_behind_what_was_said_of_the_earlier_one(
    submitted: Change, propose: Callable[..., Proposal], requester: User
) -> None:
    said = {
        "cause": StatusCause.BASE_UNSEEN,
        "last_message": "1006: User does not have access",
        "last_http_status": 400,
    }
    Change.objects.filter(pk=submitted.pk).update(status=Status.STALE, **said)
    revised = submission.revise_change(submitted.pk, propose(url="https://other.example"), by=requester)
    assert (revised.cause, revised.last_message, revised.last_http_status) == (StatusCause.NONE, "", None)


def test_only_requester_or_administrator_retries(
    submitted: Change, requester2: User, approver: User, admin: User
) -> None:
    fail(approve(submitted, approver))
    with pytest.raises(guards.NotAllowed):
        manual_resolution.retry_change(submitted.pk, by=requester2, recent_auth=PRESENT)
    assert manual_resolution.retry_change(submitted.pk, by=admin, recent_auth=PRESENT).status == Status.APPROVED


def test_a_disabled_person_has_no_vote(submitted: Change) -> None:
    gone = person("gone", Role.APPROVER)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with pytest.raises(guards.NotAllowed):
        approve(submitted, User.objects.get(pk=gone.pk))


def test_a_retry_needs_approvals_that_still_count(submitted: Change, requester: User, approver: User) -> None:
    fail(approve(submitted, approver))
    User.objects.filter(pk=approver.pk).update(is_active=False)
    with pytest.raises(guards.VotesLapsed):
        manual_resolution.retry_change(submitted.pk, by=requester, recent_auth=PRESENT)


def test_a_failure_of_long_ago_is_not_retried(submitted: Change, requester: User, approver: User) -> None:
    fail(approve(submitted, approver))
    Change.objects.update(closed_at=timezone.now() - timezone.timedelta(days=8))
    with pytest.raises(guards.VotesLapsed):
        manual_resolution.retry_change(submitted.pk, by=requester, recent_auth=PRESENT)


def test_a_requester_who_lost_the_role_retries_nothing(submitted: Change, requester: User, approver: User) -> None:
    fail(approve(submitted, approver))
    requester.groups.clear()
    with pytest.raises(guards.NotAllowed):
        manual_resolution.retry_change(submitted.pk, by=User.objects.get(pk=requester.pk), recent_auth=PRESENT)


@pytest.mark.parametrize(("applied", "status"), [(True, Status.APPLIED), (False, Status.FAILED)])
def test_an_administrator_closes_what_the_machine_cannot_settle(
    applied: bool, status: Status, submitted: Change, approver: User, admin: User
) -> None:
    Change.objects.filter(pk=approve(submitted, approver).pk).update(status=Status.NEEDS_ATTENTION)
    with pytest.raises(guards.ReasonMissing):
        manual_resolution.resolve_change(submitted.pk, by=admin, applied=applied, reason=" ", recent_auth=PRESENT)
    change = manual_resolution.resolve_change(
        submitted.pk, by=admin, applied=applied, reason="Looked at it in Segura", recent_auth=PRESENT
    )
    assert change.status == status
    assert actions(change)[-1] == "change.resolved"


def test_nobody_closes_an_own_change_and_only_administrators_close(
    submitted: Change, requester: User, approver: User
) -> None:
    Change.objects.filter(pk=approve(submitted, approver).pk).update(status=Status.NEEDS_ATTENTION)
    roles.add_to_role(requester, Role.ADMINISTRATOR)
    with pytest.raises(guards.OwnChange):
        manual_resolution.resolve_change(
            submitted.pk, by=User.objects.get(pk=requester.pk), applied=True, reason="Trust me", recent_auth=PRESENT
        )
    with pytest.raises(guards.NotAllowed):
        manual_resolution.resolve_change(
            submitted.pk, by=approver, applied=True, reason="I think so", recent_auth=PRESENT
        )


def test_a_change_that_needs_nobody_is_not_closed(submitted: Change, admin: User) -> None:
    with pytest.raises(WrongState):
        manual_resolution.resolve_change(
            submitted.pk, by=admin, applied=True, reason="Just because", recent_auth=PRESENT
        )
