"""Proposing once more what a change proposed: for its own secret, or for another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.domain import secret_encryption
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changes.pages import page_of, text_of
from tests.changes.paper import press, read_form
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db

AsPerson = Callable[[User], Client]
CANARY = "cAnArY-of-a-change-that-ended"


@pytest.fixture
def rejected(segura: Sandbox, propose: Callable[..., Proposal], requester: User, approver: User) -> Change:
    """A rejected change: another URL, one more user, and a new client secret, which is erased."""
    users = [["alices", True], ["pduarte", True]]
    change = submission.submit_change(
        propose(url="https://gcp-eu.example", users_allowed=users, value=CANARY), by=requester
    )
    review.reject_change(
        change.pk,
        by=approver,
        revision=1,
        digest=change.get_current_revision().digest,
        reason="Not before the audit",
        recent_auth=PRESENT,
    )
    return change


def again(browser: Client, change: Change, secret: int = 43) -> Any:
    return browser.get(f"/secrets/{secret}/propose/?like={change.pk}")


def test_form_holds_the_earlier_edits_over_what_segura_holds_today(
    as_person: AsPerson, requester: User, rejected: Change, segura: Sandbox
) -> None:
    segura.control.edit(43, notes="Changed in Segura since", users_allowed={"pduarte": True, "newcomer": False})
    page = again(as_person(requester), rejected)
    form = read_form(page)
    assert form["url"] == "https://gcp-eu.example"
    assert form["notes"] == "Changed in Segura since"
    assert form["reason"] == "The endpoint moves to the EU"
    names = {form[name] for name in form if name.startswith("users_allowed-") and name.endswith("-name")}
    assert {"newcomer", "pduarte", "alices"} <= names
    assert f"the edits of {rejected.reference}" in text_of(page)


def test_earlier_client_secret_is_asked_for_anew_and_never_taken_along(
    as_person: AsPerson, requester: User, rejected: Change
) -> None:
    browser = as_person(requester)
    page = again(browser, rejected)
    assert read_form(page)["secret_mode"] == "enter"
    assert "It also set a new client secret, which is not kept" in text_of(page)
    refused = press(browser, "/secrets/43/propose/", page, "preview")
    assert refused.status_code == 422
    preview = press(browser, "/secrets/43/propose/", refused, "preview", client_secret="another value")
    press(browser, "/secrets/43/propose/", preview, "confirm")
    newest = Change.objects.latest("pk")
    revision = newest.get_current_revision()
    assert newest.pk != rejected.pk
    assert revision.patch["users_allowed"] == [["alices", True], ["pduarte", True]]
    assert secret_encryption.decrypt_secret(bytes(revision.encrypted_secret or b""), revision.pk) == SecretStr(
        "another value"
    )
    assert not [answer for answer in (page, refused, preview) if CANARY in answer.content.decode()]


def test_same_edits_for_another_secret_leave_its_name_its_code_and_its_own_people(
    as_person: AsPerson, requester: User, propose: Callable[..., Proposal], segura: Sandbox
) -> None:
    users = [["alices", True]]  # pduarte leaves, alices joins
    edits = {"name": "GCP EU", "identifier_code": "gcp-eu", "tags": "eu", "users_allowed": users}
    change = submission.submit_change(propose(**edits, value=CANARY), by=requester)
    other = 26
    mirrored(other, "another")
    browser = as_person(requester)
    form = read_form(again(browser, change, other))
    today = read_form(browser.get(f"/secrets/{other}/propose/"))
    left = ("name", "identifier_code", "url")
    assert [form[name] for name in left] == [today[name] for name in left]
    assert form["tags"] == "eu"
    assert form["secret_mode"] == "same"
    assert "alices" in form.values()


def test_list_of_secrets_leads_to_the_form_with_those_edits(
    as_person: AsPerson, requester: User, rejected: Change
) -> None:
    page = as_person(requester).get(f"/secrets/?like={rejected.pk}&q=gcp")
    assert f'href="/secrets/43/propose/?like={rejected.pk}"' in page.content.decode()
    assert f"the same as {rejected.reference} did" in text_of(page)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.WITHDRAWN])
def test_change_that_came_to_nothing_offers_to_be_proposed_again(
    as_person: AsPerson, requester: User, rejected: Change, status: Status
) -> None:
    Change.objects.filter(pk=rejected.pk).update(status=status)
    page = page_of(as_person(requester), rejected).content.decode()
    assert f"/secrets/43/propose/?like={rejected.pk}" in page
    assert f"/secrets/?like={rejected.pk}" in page


def test_applied_change_is_offered_for_other_secrets_alone_and_an_open_one_for_none(
    as_person: AsPerson, requester: User, rejected: Change
) -> None:
    browser = as_person(requester)
    Change.objects.filter(pk=rejected.pk).update(status=Status.APPLIED)
    page = page_of(browser, rejected).content.decode()
    assert f"/secrets/43/propose/?like={rejected.pk}" not in page
    assert f"/secrets/?like={rejected.pk}" in page
    Change.objects.filter(pk=rejected.pk).update(status=Status.PENDING)
    assert "?like=" not in page_of(browser, rejected).content.decode()


@pytest.mark.parametrize("like", ["0", "987654321", "x", "9" * 40])
def test_change_nobody_shows_me_lends_nothing(
    as_person: AsPerson, requester2: User, rejected: Change, like: str
) -> None:
    browser = as_person(requester2)
    assert browser.get(f"/secrets/43/propose/?like={like}").status_code == 404
    assert again(browser, rejected).status_code == 404
