"""Revising a proposal: the live values with what was proposed laid over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal, encode_proposal
from portal.changes.models import Change, Status, StatusCause
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changes.paper import press, read_form
from tests.changes.test_propose_page import Desk
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db

CANARY = "cAnArY-proposed-first"


@pytest.fixture
def change(live_base: Snapshot, propose: Callable[..., Proposal], requester: User, approver: User) -> Change:
    """A pending change of url, client secret and users, over what the stand-in holds."""
    shares = [["alices", False], ["pduarte", False]]
    proposal = propose(value=CANARY, base=live_base, url="https://gcp-eu.example", users_allowed=shares)
    return submission.submit_change(proposal, by=requester)


@pytest.fixture
def desk(change: Change, requester: User, as_person: Callable[[User], Client]) -> Desk:
    return Desk(as_person(requester), f"/changes/{change.pk}/revise/")


def sealed_value(change: Change) -> SecretStr | None:
    change.refresh_from_db()
    revision = change.get_current_revision()
    return (
        secret_encryption.decrypt_secret(bytes(revision.encrypted_secret), revision.pk)
        if revision.encrypted_secret
        else None
    )


def test_form_holds_what_was_proposed(desk: Desk) -> None:
    form = read_form(desk.open())
    assert form["url"] == "https://gcp-eu.example"
    assert form["tags"] == "Cloud"
    assert form["reason"] == "The endpoint moves to the EU"
    assert form["secret_mode"] == "carried"
    assert form["users_allowed-0-name"] == "pduarte"
    assert form["users_allowed-0-access"] == "view"
    assert form["users_allowed-1-name"] == "alices"
    assert CANARY not in desk.text
    assert "was changed in Segura after" not in desk.text


def test_revising_makes_a_new_revision_and_keeps_the_client_secret(desk: Desk, change: Change) -> None:
    first = change.get_current_revision().pk
    desk.open()
    preview = desk.preview(tags="Cloud, EU", reason="And the tag")
    assert preview.status_code == 200
    assert "votes so far no longer count" in desk.text
    answer = desk.press("confirm")
    assert answer.headers["Location"] == f"/changes/{change.pk}/"
    assert sealed_value(change) == SecretStr(CANARY)
    assert change.revision == 2
    assert change.get_current_revision().patch == {
        "url": "https://gcp-eu.example",
        "tags": "Cloud, EU",
        "users_allowed": [["alices", False], ["pduarte", False]],
    }
    assert change.revisions.get(pk=first).encrypted_secret is None
    for page in desk.pages:
        assert CANARY not in page.content.decode()
    assert not [event for event in Event.objects.all() if CANARY in event.text]


def test_client_secret_can_be_replaced(desk: Desk, change: Change) -> None:
    desk.open()
    desk.preview(secret_mode="enter", client_secret="another value ")
    desk.press("confirm")
    assert sealed_value(change) == SecretStr("another value ")


def test_client_secret_can_be_dropped(desk: Desk, change: Change) -> None:
    desk.open()
    desk.preview(secret_mode="same")
    desk.press("confirm")
    assert sealed_value(change) is None
    assert change.get_current_revision().secret_fingerprint == ""


def test_double_submit_is_one_revision(desk: Desk, change: Change) -> None:
    desk.open()
    preview = desk.preview(tags="x")
    desk.press("confirm")
    assert press(desk.browser, desk.url, preview, "confirm").status_code == 302
    change.refresh_from_db()
    assert change.revision == 2


def test_stale_change_shows_what_moved(desk: Desk, change: Change, segura: Sandbox) -> None:
    segura.control.edit(
        43, url="https://moved.example", notes="New notes", client_secret="moved", users_allowed={"jsilva": True}
    )
    Change.objects.filter(pk=change.pk).update(status=Status.STALE, cause=StatusCause.BASE_MOVED)
    desk.open()
    assert "This secret was changed in Segura after you proposed this" in desk.text
    assert "https://moved.example" in desk.text
    assert "https://gcp.com" in desk.text
    assert "The client secret was changed in Segura since you proposed." in desk.text
    form = read_form(desk.pages[-1])
    assert form["url"] == "https://gcp-eu.example"
    assert form["notes"] == "New notes"
    assert [form.get(f"users_allowed-{row}-name") for row in range(3)] == ["jsilva", "alices", "pduarte"]
    desk.preview(choice_url="mine", choice_users_allowed="mine", secret_mode="carried")
    desk.press("confirm")
    change.refresh_from_db()
    assert change.status == Status.PENDING
    current = change.get_current_revision()
    assert current.base is not None
    assert current.base["url"] == "https://moved.example"
    assert current.patch["url"] == "https://gcp-eu.example"
    assert "notes" not in current.patch
    assert current.patch["users_allowed"] == [["alices", False], ["jsilva", True], ["pduarte", False]]


def test_change_that_is_decided_cannot_be_revised_and_nothing_typed_is_lost(
    desk: Desk, change: Change, approver: User
) -> None:
    form = desk.open()
    preview = desk.preview(tags="typed")
    review.reject_change(
        change.pk,
        by=approver,
        revision=1,
        digest=change.get_current_revision().digest,
        reason="No",
        recent_auth=PRESENT,
    )
    page = desk.press("confirm")
    assert page.status_code == 409
    assert "This was not submitted" in desk.text
    assert "typed" in desk.text
    page = press(desk.browser, desk.url, form, "preview", tags="typed")
    assert page.status_code == 409
    assert read_form(page)["tags"] == "typed"
    assert desk.open().status_code == 409
    assert "This change cannot be revised" in desk.text
    assert press(desk.browser, desk.url, preview, "confirm").status_code == 409


@pytest.mark.parametrize("who", ["requester2", "approver", "admin"])
def test_only_the_requester_revises(
    desk: Desk, who: str, request: pytest.FixtureRequest, as_person: Callable[[User], Client]
) -> None:
    person: Any = request.getfixturevalue(who)
    assert as_person(person).get(desk.url).status_code in (403, 404)
    assert as_person(person).post(desk.url, {"act": "preview"}).status_code in (403, 404)


def test_proposal_that_is_another_change_already_is_refused_with_its_number(
    desk: Desk, change: Change, propose: Callable[..., Proposal], requester: User, no_queue: None
) -> None:
    proposal = propose(notes="Other notes")
    other = submission.submit_change(proposal, by=requester)
    page = desk.browser.post(desk.url, {"act": "confirm", "proposal": encode_proposal(proposal, requester)})
    assert page.status_code == 409
    assert f"This proposal was submitted before: it is {other.reference}." in page.content.decode()
    change.refresh_from_db()
    assert change.revision == 1
