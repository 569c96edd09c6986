"""Signed votes until the call: what SIGNED_VOTES refuses, what the worker proves, what a revocation voids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from portal.accounts.models import User
from portal.audit.models import Event
from portal.audit.sealing import sealer, vote_key_chain
from portal.audit.verification.vote_checks import describe_approvals, find_unproved_votes
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause, Vote
from portal.changes.rules.violations import SignatureInvalid, SignatureRequired
from portal.changes.workflow import review, submission
from portal.governance.violations import (
    GovernanceViolation,
    NotEntitled,
    PasswordRequired,
    ProposalReasonMissing,
)
from portal.notifications import dispatch
from portal.notifications.models import Notification
from portal.sandbox import Sandbox
from portal.vote_keys import commands
from portal.vote_keys.signed_text import build_confirmation_text
from portal.vote_keys.violations import (
    EnrolmentRefused,
    NoVoteKey,
    OwnVoteKey,
    SignatureRefused,
    VoteKeyClosed,
    VoteKeyNotSealed,
)
from tests.changing import approve, work
from tests.segura import events
from tests.signing_device import Device
from tests.vote_keys.conftest import Ring
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue", "secret")]
Submitted = Callable[..., Change]


@pytest.fixture
def submitted(live_base: Snapshot, propose: Callable[..., Proposal], requester: User) -> Submitted:
    """A change of secret 43 that waits for its votes."""

    def build(**patch: Any) -> Change:
        patch.setdefault("base", live_base)
        return submission.submit_change(propose(**patch), by=requester)

    return build


def test_signed_approval_is_delivered(segura: Sandbox, ring: Ring, keyed: User, submitted: Submitted) -> None:
    change = ring.approve(submitted(), keyed)
    assert work(change).status == Status.APPLIED
    (cast,) = Event.objects.filter(action="vote.cast")
    assert cast.entry
    assert cast.entry.data["signature"]["key"] == ring.keys["approver"].fingerprint
    assert Vote.objects.get().signed_with == ring.keys["approver"].fingerprint
    sealer.seal_pending_events()
    assert list(find_unproved_votes()) == []
    (line,) = describe_approvals()
    assert "signed with vote key" in line
    assert "confirmed by root1" in line


def test_unsigned_vote_is_refused_where_signatures_are_required(ring: Ring, keyed: User, submitted: Submitted) -> None:
    change = submitted()
    with pytest.raises(SignatureRequired, match="must be signed with a vote key"):
        approve(change, keyed)
    with pytest.raises(SignatureRequired):
        ring.reject(change, keyed, None)
    assert [entry["data"]["rule"] for entry in events("vote.refused")] == ["signature_required"] * 2
    assert not Vote.objects.exists()


@pytest.mark.parametrize(
    ("mode", "patch", "refused"),
    [
        ("off", {"url": "https://else.example"}, False),
        ("allowed", {"url": "https://else.example"}, False),
        ("required_high_risk", {"notes": "only a note"}, False),
        ("required_high_risk", {"url": "https://else.example"}, True),
        ("required", {"notes": "only a note"}, True),
    ],
)
def test_setting_says_which_votes_must_be_signed(
    mode: str,
    patch: dict[str, Any],
    refused: bool,
    settings: Settings,
    segura: Sandbox,
    ring: Ring,
    keyed: User,
    submitted: Submitted,
) -> None:
    change = submitted(**patch)
    settings.SIGNED_VOTES = mode
    if refused:
        with pytest.raises(SignatureRequired):
            approve(change, keyed)
        return
    approve(change, keyed)
    assert work(change).status == Status.APPLIED


def test_signature_over_another_change_is_refused(ring: Ring, keyed: User, submitted: Submitted) -> None:
    one, other = submitted(), submitted(notes="x")
    with pytest.raises(SignatureInvalid, match="not valid for this vote"):
        ring.approve(one, keyed, ring.sign_vote(other, keyed))
    with pytest.raises(SignatureInvalid):
        ring.approve(one, keyed, ring.sign_vote(one, keyed, "reject"))
    assert not Vote.objects.exists()


def test_key_that_is_not_confirmed_casts_no_vote(ring: Ring, approver: User, submitted: Submitted) -> None:
    ring.enrol(approver)
    with pytest.raises(SignatureInvalid, match="is not confirmed"):
        ring.approve(submitted(), approver)


def test_without_the_file_of_first_keys_no_signature_counts(
    segura: Sandbox, ring: Ring, keyed: User, submitted: Submitted
) -> None:
    change = ring.approve(submitted(), keyed)
    ring.first_file.unlink()
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.SIGNATURE_NOT_PROVED)
    assert segura.control.arrivals("update") == []
    with pytest.raises(SignatureInvalid):
        ring.approve(submitted(notes="x"), keyed)


def test_revoking_a_key_voids_the_open_approval_made_with_it(
    segura: Sandbox, ring: Ring, keyed: User, submitted: Submitted
) -> None:
    change = ring.approve(submitted(), keyed)
    commands.revoke_key(ring.keys["approver"].pk, by=keyed, reason="lost", recent_auth=PRESENT)
    change.refresh_from_db()
    assert change.status == Status.PENDING
    (voided,) = events("vote.voided")
    assert voided["data"]["void_cause"] == "key_revoked"
    assert work(change).status == Status.PENDING
    assert segura.control.arrivals("update") == []


def test_worker_sees_a_revocation_that_came_after_the_approval(
    segura: Sandbox, ring: Ring, keyed: User, submitted: Submitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the recount of votes had not happened: the worker asks the log itself."""
    change = ring.approve(submitted(), keyed)
    monkeypatch.setattr("portal.vote_keys.commands.rights_changed.send", lambda **_: None)
    commands.revoke_key(ring.keys["approver"].pk, by=keyed, reason="lost", recent_auth=PRESENT)
    assert (work(change).status, change.cause) == (Status.PENDING, StatusCause.VOTE_VOIDED)
    assert segura.control.arrivals("update") == []


def test_unsigned_approval_lapses_when_signatures_become_required(
    settings: Settings, segura: Sandbox, ring: Ring, keyed: User, submitted: Submitted
) -> None:
    settings.SIGNED_VOTES = "allowed"
    change = approve(submitted(), keyed)
    settings.SIGNED_VOTES = "required"
    assert (work(change).status, change.cause) == (Status.PENDING, StatusCause.VOTE_VOIDED)
    assert [entry["data"]["void_cause"] for entry in events("vote.voided")] == ["not_signed"]
    assert work(ring.approve(change, keyed)).status == Status.APPLIED


def test_verification_names_unsigned_votes_from_the_day_they_are_required(
    settings: Settings, ring: Ring, keyed: User, submitted: Submitted
) -> None:
    settings.SIGNED_VOTES = "allowed"
    approve(submitted(), keyed)
    assert list(find_unproved_votes()) == []
    settings.SIGNED_VOTES = "required"
    (finding,) = find_unproved_votes()
    assert "a vote by approver: not signed, although signatures are required" in finding
    settings.SIGNED_VOTES_SINCE = "2999-01-01"
    assert list(find_unproved_votes()) == []
    (line,) = describe_approvals()
    assert line.endswith("approved by approver: not signed")


def test_enrolment_needs_a_recent_authentication(ring: Ring, approver: User) -> None:
    """A session that was stolen cannot enrol a key."""
    stale = type(PRESENT)(fresh=False)
    with pytest.raises(PasswordRequired):
        commands.enrol_key(Device().registered, by=approver, name="x", recent_auth=stale)
    assert [entry["data"]["act"] for entry in events("governance.refused")] == ["enrol_vote_key"]


def test_enrolment_is_for_those_who_decide_or_operate_and_for_new_passkeys(
    ring: Ring, requester: User, approver: User, approver2: User
) -> None:
    with pytest.raises(NotEntitled):
        commands.enrol_key(Device().registered, by=requester, name="x", recent_auth=PRESENT)
    ring.enrol(approver)
    with pytest.raises(EnrolmentRefused, match="enrolled already"):
        commands.enrol_key(ring.devices["approver"].registered, by=approver2, name="x", recent_auth=PRESENT)


def confirm_with(ring: Ring, owner: User, by: User, signer: User, text_by: User) -> None:
    key = ring.keys[owner.username]
    text = build_confirmation_text(
        log=vote_key_chain.get_log_name(),
        key=key.fingerprint,
        confirmer=text_by.pk,
        person=text_by.username,
        at=key.enrolled_at,
    )
    commands.confirm_key(key.pk, by=by, signed=ring.sign(text, signer))


def test_confirmation_takes_another_administrator_with_a_key_that_counts(
    ring: Ring, first_admins: tuple[User, User], approver: User, approver2: User, admin: User
) -> None:
    one, two = first_admins
    key = ring.enrol(approver)
    ring.enrol(admin)
    with pytest.raises(NotEntitled):
        confirm_with(ring, approver, approver2, one, one)
    with pytest.raises(NoVoteKey):
        commands.confirm_key(key.pk, by=one, signed=None)
    with pytest.raises(NoVoteKey):  # their key is not confirmed
        confirm_with(ring, approver, admin, admin, admin)
    with pytest.raises(NoVoteKey):  # the key of another administrator
        confirm_with(ring, approver, one, two, one)
    with pytest.raises(SignatureRefused):  # a text in the name of another administrator
        confirm_with(ring, approver, one, one, two)
    ring.confirm(approver, one)
    with pytest.raises(VoteKeyClosed):
        ring.confirm(approver, two)
    assert {entry["data"]["rule"] for entry in events("governance.refused")} == {
        "not_entitled", "no_vote_key", "signature_refused", "vote_key_closed"
    }  # fmt: skip


def test_no_person_confirms_their_own_key(ring: Ring, first_admins: tuple[User, User]) -> None:
    one, _ = first_admins
    first = ring.devices[one.username], ring.keys[one.username]
    second = ring.enrol(one)
    ring.devices[one.username], ring.keys[one.username] = first
    with pytest.raises(OwnVoteKey):
        commands.confirm_key(second.pk, by=one, signed=ring.sign("x", one))


def test_key_is_confirmed_only_once_its_enrolment_is_sealed(
    ring: Ring, first_admins: tuple[User, User], approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "seal_pending_events", lambda: 0)
    ring.enrol(approver)
    with pytest.raises(VoteKeyNotSealed):
        ring.confirm(approver, first_admins[0])


def test_owner_and_administrators_revoke_a_key_with_a_reason(ring: Ring, keyed: User, approver2: User) -> None:
    key = ring.keys["approver"].pk
    with pytest.raises(NotEntitled):
        commands.revoke_key(key, by=approver2, reason="x", recent_auth=PRESENT)
    with pytest.raises(ProposalReasonMissing):
        commands.revoke_key(key, by=keyed, reason=" ", recent_auth=PRESENT)
    with pytest.raises(PasswordRequired):
        commands.revoke_key(key, by=keyed, reason="x", recent_auth=type(PRESENT)(fresh=False))
    commands.revoke_key(key, by=keyed, reason="lost", recent_auth=PRESENT)
    with pytest.raises(GovernanceViolation, match="revoked before"):
        commands.revoke_key(key, by=keyed, reason="x", recent_auth=PRESENT)


def test_administrators_are_told_of_an_enrolled_key_and_its_owner_is_not(
    ring: Ring, keyed: User, first_admins: tuple[User, User]
) -> None:
    dispatch.dispatch_events()
    Notification.objects.all().delete()
    ring.enrol(keyed)
    dispatch.dispatch_events()
    told = Notification.objects.values_list("recipient__username", "kind")
    assert sorted(told) == sorted((admin.username, "key_enrolled") for admin in first_admins)


def test_revoked_key_voids_approvals_and_leaves_the_request_for_changes(
    ring: Ring, keyed: User, submitted: Submitted
) -> None:
    change = submitted()
    text = "Another host, please"
    signed = ring.sign_vote(change, keyed, verdict="request_changes", reason=text)
    review.request_changes(
        change.pk,
        by=keyed,
        revision=1,
        digest=change.get_current_revision().digest,
        reason=text,
        recent_auth=PRESENT,
        signed=signed,
    )
    commands.revoke_key(ring.keys[keyed.username].pk, by=keyed, reason="Lost it", recent_auth=PRESENT)
    assert Vote.objects.get(change=change).voided_at is None
