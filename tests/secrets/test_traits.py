"""What an approver learns of a new value without seeing it, and what its requester does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.domain import patch, secret_encryption, secret_strength
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, StatusCause
from portal.changes.presenters import secret_insight
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changes.pages import page_of, text_of
from tests.changes.paper import press
from tests.changing import approve, work
from tests.people import GCP, mirrored
from tests.segura import events

TODAY = "the value of today"
BASE = Snapshot(GCP, secret_encryption.fingerprint_secret(SecretStr(TODAY)))
Propose = Callable[..., Proposal]
Open = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "length", "classes", "bits"),
    [
        ("a", [1, 7], ["lower"], [0, 39]),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", [32, 63], ["lower"], [0, 39]),
        ("abcdefghijklmnopqrstuvwxyz0123456789", [32, 63], ["lower", "digit"], [0, 39]),
        ("Passw0rd!", [8, 15], ["lower", "upper", "digit", "sign"], [0, 39]),
        ("correct horse battery staple", [16, 31], ["lower", "space"], [80, 127]),
        ("q7R-x2Lw9_Tz4Kp8", [16, 31], ["lower", "upper", "digit", "sign"], [40, 79]),
        ("9fK2xQ7mZt4LrB8vYc3NwH6sJd5GpA1e", [32, 63], ["lower", "upper", "digit"], [128, None]),
        ("ção-ção", [1, 7], ["lower", "sign", "other"], [0, 39]),
        ("9fK2xQ7mZt4LrB8v" * 4, [64, None], ["lower", "upper", "digit"], [128, None]),
    ],
)
def test_traits_are_bands_and_never_numbers(text: str, length: list[int], classes: list[str], bits: list[int]) -> None:
    told = secret_strength.measure_strength(text)
    assert {name: told[name] for name in ("length", "classes", "bits")} == {
        "length": length,
        "classes": classes,
        "bits": bits,
    }


@pytest.fixture
def proposed(propose: Propose, requester: User) -> Callable[..., Change]:
    """`proposed("value")`: a pending change of the requester's over what the vault holds today."""

    def build(text: str, *, identifier: int = 43, by: User = requester) -> Change:
        mirrored(identifier, f"secret {identifier}")
        return submission.submit_change(propose(value=text, base=BASE, identifier=identifier), by=by)

    return build


def sentences(change: Change, reader: User) -> str:
    return " ".join(
        each.sentence for each in secret_insight.find_reuse(change, change.get_current_revision(), reader=reader)
    )


def test_approver_reads_the_traits_of_the_new_value(
    proposed: Callable[..., Change], approver: User, as_person: Open
) -> None:
    change = proposed("hunter2")
    page = text_of(page_of(as_person(approver), change))
    assert "Length 1 to 7 characters short" in page
    assert "Made of small letters, digits" in page
    assert "Entropy 0 to 39 bits guessable" in page
    queue = text_of(as_person(approver).get("/queue/"))
    assert "Entropy 0 to 39 bits guessable" in queue
    assert "hunter2" not in page + queue


@pytest.mark.parametrize(("text", "said"), [(TODAY, "held already"), ("another value", "has not seen this value")])
def test_approver_and_auditor_are_told_whether_it_is_the_value_of_today(
    proposed: Callable[..., Change], approver: User, auditor: User, as_person: Open, text: str, said: str
) -> None:
    change = proposed(text)
    for reader in (approver, auditor):
        assert said in text_of(page_of(as_person(reader), change))
    assert said in text_of(as_person(approver).get("/queue/"))


def test_value_of_another_secret_is_named_with_that_secret(
    proposed: Callable[..., Change], approver: User, requester: User
) -> None:
    submission.withdraw_change(proposed("shared by two", identifier=51).pk, by=requester)
    assert "the same value: secret 51." in sentences(proposed("shared by two"), approver)
    assert "the same value: secret 43, secret 51." in sentences(proposed(TODAY, identifier=12), approver)


def test_value_that_the_secret_had_before_is_told(
    proposed: Callable[..., Change], propose: Propose, approver: User, requester: User
) -> None:
    proposed("back again")
    assert "before" in sentences(proposed("back again"), approver)
    moved = Snapshot(GCP, secret_encryption.fingerprint_secret(SecretStr("the value of tomorrow")))
    back = submission.submit_change(propose(value=TODAY, base=moved), by=requester)
    assert "held already" not in sentences(back, approver)


def test_revising_with_the_same_value_is_no_second_time(
    proposed: Callable[..., Change], propose: Propose, approver: User, requester: User
) -> None:
    change = proposed("kept")
    change = submission.revise_change(change.pk, propose(value="kept", base=BASE, notes="more"), by=requester)
    assert "has not seen this value" in sentences(change, approver)


def test_what_comes_later_does_not_change_what_was_told(proposed: Callable[..., Change], approver: User) -> None:
    change = proposed("met later")
    before = sentences(change, approver)
    proposed("met later", identifier=51)
    assert sentences(change, approver) == before


@pytest.mark.shows("S09")
@pytest.mark.parametrize("more", [(), (Role.APPROVER,), (Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)])
def test_requester_is_never_told_where_the_value_was_met_whatever_else_they_are(
    proposed: Callable[..., Change], requester: User, as_person: Open, more: tuple[Role, ...]
) -> None:
    for role in more:
        roles.add_to_role(requester, role)
    pages = []
    for text in (TODAY, "another two 2 days"):
        change = proposed(text)
        page = text_of(page_of(as_person(requester), change))
        assert "Entropy" in page
        revision = change.get_current_revision()
        for each in (change.reference, revision.digest, str(revision.pk)):
            page = page.replace(each, "")
        pages.append(page)
    assert "seen this value" not in pages[0]
    assert "held already" not in pages[0]
    assert "same value" not in pages[1]


def test_only_who_decides_or_audits_is_told(proposed: Callable[..., Change], admin: User, requester2: User) -> None:
    change = proposed(TODAY)
    assert sentences(change, admin) == sentences(change, requester2) == ""


def test_preview_shows_the_traits_and_nothing_else_of_the_value(
    segura: Sandbox, requester: User, as_person: Open
) -> None:
    mirrored()
    browser = as_person(requester)
    page = press(
        browser,
        "/secrets/43/propose/",
        browser.get("/secrets/43/propose/"),
        "preview",
        secret_mode="enter",
        client_secret="hunter2",
        reason="why",
    )
    shown = text_of(page)
    assert "Length 1 to 7 characters short" in shown
    assert "seen this value" not in shown
    assert "hunter2" not in page.content.decode()


def test_votes_are_over_the_traits(proposed: Callable[..., Change]) -> None:
    revision = proposed("hunter2").get_current_revision()
    assert revision.secret_strength == secret_strength.measure_strength("hunter2")
    kept = {"secret": 43, "patch": revision.patch, "secret_fingerprint": revision.secret_fingerprint, "base": BASE}
    with_traits = patch.compute_digest(**kept, policy=revision.policy, traits=revision.secret_strength)
    assert with_traits == revision.digest
    assert (
        patch.compute_digest(
            **kept, policy=revision.policy, traits=secret_strength.measure_strength("longer than hunter2")
        )
        != with_traits
    )
    (event,) = events("change.submitted")
    assert event["data"]["traits"] == revision.secret_strength


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("digest_too", [True, False])
def test_traits_made_better_in_the_database_stop_the_delivery(
    segura: Sandbox,
    no_queue: None,
    live_base: Snapshot,
    propose: Propose,
    requester: User,
    approver: User,
    digest_too: bool,
) -> None:
    """By somebody who owns the database, and so can switch its triggers off, before the vote."""
    change = submission.submit_change(propose(value="hunter2", base=live_base), by=requester)
    forged = change.get_current_revision()
    forged.secret_strength = secret_strength.measure_strength("9fK2xQ7mZt4LrB8vYc3NwH6sJd5GpA1e")
    if digest_too:
        forged.digest = patch.compute_digest(
            secret=43,
            patch=forged.patch,
            secret_fingerprint=forged.secret_fingerprint,
            base=live_base,
            policy=forged.policy,
            traits=forged.secret_strength,
        )
    with connection.cursor() as cursor:
        for trigger in ("revision_immutable", "revision_traits_immutable"):
            cursor.execute(f"ALTER TABLE changes_revision DISABLE TRIGGER {trigger}")
        forged.save(update_fields=["secret_strength", "digest"])
        for trigger in ("revision_immutable", "revision_traits_immutable"):
            cursor.execute(f"ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER {trigger}")
    approve(change, approver)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert segura.control.arrivals("update") == []


@pytest.mark.django_db(transaction=True)
def test_a_change_approved_before_traits_were_kept_is_delivered(
    segura: Sandbox, approved: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the migration finds it: no traits, and a digest without them."""
    monkeypatch.setattr(
        secret_encryption,
        "encrypt_secret",
        lambda *args, seal=secret_encryption.encrypt_secret: replace(seal(*args), traits={}),
    )
    monkeypatch.setattr(Revision, "save_base", _without_traits(Revision.save_base))
    change = approved(value="hunter2")
    monkeypatch.undo()
    assert change.get_current_revision().secret_strength is None
    assert work(change).status == Status.APPLIED


def _without_traits(save_base: Callable[..., None]) -> Callable[..., None]:
    def save(revision: Revision, **options: Any) -> None:
        revision.secret_strength = None
        save_base(revision, **options)

    return save
