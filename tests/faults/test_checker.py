"""The checker, tried on planted violations: one that could not find them would prove nothing after a fault."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from portal.accounts.models import User
from portal.audit import ledger
from portal.audit.models import Event
from portal.catalog import details, segura_client
from portal.changes.domain import patch
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, StatusCause
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from tests.audit.tampering import overwrite, past_the_triggers
from tests.changing import approve, work
from tests.rig.checker import check
from tests.rig.markers import Marker
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def value() -> Marker:
    return Marker.new("the proposed value")


@pytest.fixture
def change(approved: Callable[..., Change], value: Marker) -> Change:
    """One that went all the way."""
    change = work(approved(url="https://gcp-eu.example", value=value))
    assert change.status == Status.APPLIED
    return change


@pytest.fixture
def another(propose: Callable[..., Proposal], requester: User) -> Callable[..., Change]:
    """A further change of the same secret, over what the vault holds by then."""

    def submit(**fields: Any) -> Change:
        seen = details.fetch_details(segura_client.build_client(secret=43), 43)
        return submission.submit_change(
            propose(base=Snapshot(dict(seen.fields), seen.secret_fingerprint), **fields), by=requester
        )

    return submit


def complaints(segura: Sandbox, *markers: Marker, log: Path | None = None) -> str:
    """What the checker says, which names no marker."""
    with pytest.raises(AssertionError) as raised:
        check(segura.control, markers=markers, log=log)
    said = str(raised.value)
    assert not any(marker.core.decode() in said for marker in markers)
    return said


def test_nothing_is_said_of_changes_that_went_well_and_badly(
    segura: Sandbox, change: Change, another: Callable[..., Change], approver: User, value: Marker
) -> None:
    segura.control.plan("401", endpoint="update")
    assert work(approve(another(notes="an old token"), approver)).status == Status.APPLIED
    segura.control.plan("refuse:1001:no", endpoint="update")
    assert work(approve(another(notes="refused"), approver)).status == Status.FAILED
    no = another(notes="rejected")
    review.reject_change(
        no.pk, by=approver, revision=1, digest=no.get_current_revision().digest, reason="no", recent_auth=PRESENT
    )
    segura.control.plan("504_before_apply", endpoint="update")
    assert work(approve(another(notes="sent twice"), approver), rounds=3).status == Status.APPLIED
    check(segura.control, markers=[value])


def test_i1_names_a_change_that_waits_for_ever_and_a_row_the_log_does_not_know(
    segura: Sandbox, change: Change, another: Callable[..., Change], approver: User
) -> None:
    waiting = approve(another(notes="waits"), approver)
    assert f"I1: CR-{waiting.pk} was approved and is still approved" in complaints(segura)
    check(segura.control, settled=False)
    Change.objects.filter(pk=waiting.pk).update(status=Status.EXPIRED)
    assert f"I1: CR-{waiting.pk} is expired, the log's last word is approved" in complaints(segura)


def test_i2_names_an_arrival_without_an_attempt(segura: Sandbox, change: Change) -> None:
    segura_client.build_client().update_secret(43, {"url": "https://gcp-eu.example"}, attempt_id=str(uuid.uuid4()))
    assert "I2: arrival " in complaints(segura)


def test_i2_names_an_attempt_that_was_written_down_later(segura: Sandbox, change: Change) -> None:
    attempt = change.attempts.get()
    attempt.started_at = attempt.finished_at
    attempt.save(update_fields=["started_at"])
    assert f"I2: attempt {attempt.pk} was written down after it arrived" in complaints(segura)


def test_i2_names_an_attempt_that_arrived_twice(segura: Sandbox, change: Change) -> None:
    attempt = change.attempts.get()
    segura_client.build_client().update_secret(43, {"url": "https://gcp-eu.example"}, attempt_id=str(attempt.pk))
    assert f"I2: attempt {attempt.pk} arrived 2 times" in complaints(segura)


def test_i3_names_a_late_copy_that_was_applied_after_a_newer_change(
    segura: Sandbox, approved: Callable[..., Change], another: Callable[..., Change], approver: User
) -> None:
    segura.control.plan("", endpoint="update", replays=[0.5])
    work(approved(notes="first"))
    assert work(approve(another(notes="second"), approver)).status == Status.APPLIED
    segura.control.wait(lambda journal: len(journal["applications"]) == 3)
    said = complaints(segura)
    assert "I3 (order): secret 43" in said
    assert "I3 (vault): secret 43: the vault's notes" in said


def test_i3_names_another_value_in_the_vault(segura: Sandbox, change: Change, value: Marker) -> None:
    segura.control.edit(43, client_secret="by hand")
    assert "I3 (vault): secret 43: the vault's client_secret" in complaints(segura, value)
    check(segura.control, markers=[value], by_hand=[43])


@pytest.mark.parametrize("field", ["users_allowed", "groups_allowed"])
@pytest.mark.parametrize("name", ["nobody-knows-me", "nor-me"])
def test_i3_knows_which_entries_the_vault_did_not_take(
    field: str, name: str, segura: Sandbox, approved: Callable[..., Change]
) -> None:
    known = "pduarte" if field == "users_allowed" else "Test group"
    change = work(approved(notes="new notes", **{field: sorted([[known, True], [name, True]])}), rounds=2)
    assert (change.status, change.cause) == (Status.APPLIED, StatusCause.APPLIED_EXCEPT)
    check(segura.control)
    for wrong in ({}, {known: False}, {known: True, name: True}, {known: True, name: False}, {known: True, "x": True}):
        segura.control.edit(43, **{field: wrong})
        assert f"I3 (vault): secret 43: the vault's {field}" in complaints(segura)


def test_i3_names_an_entry_that_is_missing_though_no_cause_says_so(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = work(approved(users_allowed=[["pduarte", True]]))
    assert (change.status, change.cause) == (Status.APPLIED, StatusCause.CONFIRMED)
    segura.control.edit(43, users_allowed={})
    assert "I3 (vault): secret 43: the vault's users_allowed" in complaints(segura)


def test_i3_takes_what_was_applied_before_for_what_stands_after_a_change_of_which_nothing_was_taken(
    segura: Sandbox, approved: Callable[..., Change], another: Callable[..., Change], approver: User
) -> None:
    assert work(approved(users_allowed=[["pduarte", False]])).status == Status.APPLIED
    none_taken = approve(another(users_allowed=[["nor-me", True], ["pduarte", False]]), approver)
    work(none_taken, rounds=2)
    assert (none_taken.status, none_taken.cause) == (Status.FAILED, StatusCause.NONE_TAKEN)
    segura.control.plan(endpoint="update", status=413, body="{}", apply="never")
    refused = work(approve(another(users_allowed=[["pduarte", True]]), approver), rounds=2)
    assert (refused.status, refused.cause) == (Status.FAILED, StatusCause.REFUSED_SEEN)
    check(segura.control)
    segura.control.edit(43, users_allowed={})
    assert "I3 (vault): secret 43: the vault's users_allowed" in complaints(segura)


def test_i4_names_two_changes_of_a_secret_on_their_way(
    segura: Sandbox, another: Callable[..., Change], no_queue: None
) -> None:
    one, two = another(notes="one"), another(notes="two")
    for each in (one, two):
        ledger.record_event("delivery.started", change=each.pk, secret=43, data={"fence": 1, "revision": 1})
    said = complaints(segura)
    assert f"I4: CR-{two.pk} became sending while CR-{one.pk} was on its way" in said


def test_i5_names_bytes_nobody_approved(
    segura: Sandbox, approved: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = approved(url="https://gcp-eu.example")
    with monkeypatch.context() as smuggling:
        smuggling.setattr(patch, "build_patch", lambda _patch, _value: {"url": "https://gcp-us.example"})
        work(change)
    assert f"of CR-{change.pk} carried other bytes than were approved" in complaints(segura)


def test_i5_names_a_call_without_its_votes(
    segura: Sandbox, change: Change, another: Callable[..., Change], approver: User
) -> None:
    attempt = change.attempts.get()
    attempt.digest = hashlib.sha256(b"another").hexdigest()
    attempt.save(update_fields=["digest"])
    assert f"I5: attempt {attempt.pk} of CR-{change.pk} was not approved as it was sent" in complaints(segura)


def test_i6_names_a_decision_by_the_requester_and_a_second_one(segura: Sandbox, change: Change) -> None:
    ledger.record_event(
        "change.approved", by="requester", change=change.pk, secret=43, data={"revision": 1, "to": str(change.status)}
    )
    said = complaints(segura)
    assert f"I6: CR-{change.pk}, revision 1 was decided 2 times" in said
    assert f"I6: CR-{change.pk}: the log has a decision by somebody who proposed it" in said


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("vault.responded", "arrived, and the log has neither answer nor loss"),
        ("delivery.answered", "has no end in the log"),
    ],
)
def test_i7_names_an_answer_that_is_not_in_the_log(segura: Sandbox, change: Change, action: str, said: str) -> None:
    last = Event.objects.filter(action=action, change=change.pk).order_by("-pk")[0]
    with past_the_triggers():
        Event.objects.filter(pk=last.pk).delete()
    assert f"I7: attempt {change.attempts.get().pk} of CR-{change.pk} {said}" in complaints(segura)


def test_i7_names_an_answer_that_nobody_gave(segura: Sandbox, change: Change) -> None:
    key = str(change.attempts.get().pk)
    ledger.record_event("vault.responded", change=change.pk, http_status=200, data={"method": "PUT", "attempt": key})
    assert f"I7: attempt {key}: the log has an answer that the vault did not give" in complaints(segura)


def test_i8_names_an_altered_event(segura: Sandbox, change: Change) -> None:
    check(segura.control)
    first = Event.objects.order_by("pk")[0]
    overwrite(first.pk, text=first.text.replace('"address":""', '"address":"elsewhere"'))
    assert f"I8: leaf 1 (event {first.pk}): its text is not the one that was sealed" in complaints(segura)


def test_i9_names_a_marker_in_a_row_in_redis_and_in_what_was_printed(
    segura: Sandbox, change: Change, value: Marker, tmp_path: Path
) -> None:
    log = tmp_path / "workers.log"
    log.write_text("nothing here")
    check(segura.control, markers=[value], log=log)
    log.write_text(f"sent {value}")
    Change.objects.filter(pk=change.pk).update(last_message=f"no, not {value}")
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.rpush("a queue", str(value))
    said = complaints(segura, value, log=log)
    for place in ("workers.log", "table changes_change", "Redis key a queue"):
        assert f"I9: {place} holds the proposed value" in said


def test_i10_names_a_ciphertext_that_outlived_its_change(segura: Sandbox, change: Change) -> None:
    Revision.objects.filter(change=change).update(encrypted_secret=b"sealed")
    assert f"I10: CR-{change.pk} is applied, and its revision 1 still holds a ciphertext" in complaints(segura)
