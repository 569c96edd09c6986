"""Reverting an applied change: an ordinary proposal whose form opens with the values from before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right, Role
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.forms import prefill
from portal.changes.models import Change, Revision, Status
from portal.changes.models.draft import Draft
from portal.changes.rules.guards import BeyondRevert, NotRevertible, OwnChange
from portal.changes.workflow import drafts, submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changes.pages import offers, page_of, text_of
from tests.changes.paper import buttons, press, read_form
from tests.changing import approve, work
from tests.people import mirrored
from tests.segura import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]

AsPerson = Callable[[User], Client]
Applied = Callable[..., Change]
CANARY = "cAnArY-of-an-applied-change"
BEFORE = [["pduarte", True]]
GRANTED = [["jsilva", True], ["pduarte", True]]


@pytest.fixture
def applied(approved: Callable[..., Change]) -> Applied:
    """A change of secret 43 that a worker applied in Segura."""

    def build(**patch: Any) -> Change:
        mirrored()
        change = work(approved(**patch), rounds=2)
        assert change.status == Status.APPLIED
        return change

    return build


def form_of(change: Change) -> str:
    return f"/changes/{change.pk}/revert/"


def submit_revert(browser: Client, change: Change, **typed: Any) -> Any:
    """The last page on the way from the form over the preview to the submitted revert."""
    url = form_of(change)
    preview = press(browser, url, browser.get(url), "preview", reason="It broke the nightly run", **typed)
    return press(browser, url, preview, "confirm") if preview.status_code == 200 else preview


def newest() -> Change:
    return Change.objects.order_by("-pk")[0]


def test_applied_change_offers_revert_on_its_page_and_in_the_list(
    as_person: AsPerson, requester: User, approver: User, applied: Applied
) -> None:
    change = applied(users_allowed=GRANTED)
    browser = as_person(requester)
    assert offers(page_of(browser, change), "revert", change)
    assert form_of(change) in browser.get("/").content.decode()
    assert not offers(page_of(as_person(approver), change), "revert", change)


def test_reverting_an_applied_grant_proposes_its_removal_and_nothing_else_y1(
    as_person: AsPerson, requester: User, approver: User, applied: Applied, segura: Sandbox
) -> None:
    change = applied(users_allowed=GRANTED)
    browser = as_person(requester)
    assert submit_revert(browser, change).status_code == 302
    revert = newest()
    revision = revert.get_current_revision()
    assert (revert.reverts, revert.status) == (change, Status.PENDING)
    assert (revision.patch, revision.secret_fingerprint) == ({"users_allowed": BEFORE}, "")
    assert f"CR-{revert.pk} GCP: Revert CR-{change.pk}: jsilva loses access" in text_of(page_of(browser, revert))
    assert events("change.submitted")[-1]["data"]["reverts"] == change.reference
    assert work(approve(revert, approver), rounds=2).status == Status.APPLIED
    assert segura.control.journal()["applications"][-1]["values"]["users_allowed"] == {"pduarte": True}


def test_entries_added_after_the_grant_stay_once_the_requester_has_chosen(
    as_person: AsPerson, requester: User, applied: Applied, segura: Sandbox
) -> None:
    change = applied(users_allowed=GRANTED)
    segura.control.edit(43, users_allowed={"pduarte": True, "jsilva": True, "newcomer": False})
    browser = as_person(requester)
    refused = submit_revert(browser, change)
    assert refused.status_code == 422
    assert "Changed again since. Choose which value to keep." in text_of(refused)
    assert submit_revert(browser, change, choice_users_allowed="mine").status_code == 302
    assert newest().get_current_revision().patch == {"users_allowed": [["newcomer", False], ["pduarte", True]]}


def test_later_edit_of_the_same_field_shows_as_conflict_y2(
    as_person: AsPerson, requester: User, applied: Applied, segura: Sandbox
) -> None:
    change = applied(url="https://gcp-eu.example", tags="eu")
    segura.control.edit(43, url="https://gcp-later.example", notes="Edited by another hand")
    browser = as_person(requester)
    page = browser.get(form_of(change))
    shown = text_of(page)
    assert f"Changed again after {change.reference}" in shown
    for value in ("https://gcp-eu.example", "https://gcp-later.example", "https://gcp.com"):
        assert value in shown
    assert "Restore the earlier value" in shown
    form = read_form(page)
    assert "choice_url" not in form
    assert "choice_tags" not in page.content.decode()
    assert "notes-edit" not in shown.partition(f"What {change.reference} changed was changed again later")[2][:200]
    assert submit_revert(browser, change).status_code == 422
    assert submit_revert(browser, change, choice_url="mine").status_code == 302
    assert newest().get_current_revision().patch == {"url": "https://gcp.com", "tags": "Cloud"}


def test_current_value_may_be_kept_in_a_conflict(
    as_person: AsPerson, requester: User, applied: Applied, segura: Sandbox
) -> None:
    change = applied(url="https://gcp-eu.example", tags="eu")
    segura.control.edit(43, url="https://gcp-later.example")
    assert submit_revert(as_person(requester), change, choice_url="theirs").status_code == 302
    assert newest().get_current_revision().patch == {"tags": "Cloud"}


def test_requester_cannot_approve_the_revert_y3(
    as_person: AsPerson, requester: User, applied: Applied, approver: User
) -> None:
    change = applied(url="https://gcp-eu.example")
    roles.add_to_role(requester, Role.APPROVER)
    requester = User.objects.get(pk=requester.pk)
    browser = as_person(requester)
    submit_revert(browser, change)
    revert = newest()
    page = page_of(browser, revert)
    assert roles.has_right(requester, Right.DECIDE)
    assert not offers(page, "approve", revert)
    assert "You can't decide a change you proposed or edited." in text_of(page)
    with pytest.raises(OwnChange):
        approve(revert, requester)
    revert.refresh_from_db()
    assert revert.status == Status.PENDING


def test_both_pages_link_to_each_other_and_an_open_revert_is_not_offered_twice(
    as_person: AsPerson, requester: User, applied: Applied
) -> None:
    change = applied(url="https://gcp-eu.example")
    browser = as_person(requester)
    submit_revert(browser, change)
    revert = newest()
    original, other = page_of(browser, change), page_of(browser, revert)
    assert f'href="/changes/{revert.pk}/"' in original.content.decode()
    assert f"{revert.reference} Pending reverts this change" in text_of(original)
    assert not offers(original, "revert", change)
    assert f'href="/changes/{change.pk}/"' in other.content.decode()
    assert f"Proposed as a revert of {change.reference}" in text_of(other)
    assert "Every visible value proposed here is the one from before that change." in text_of(other)


def test_client_secret_is_never_copied_and_the_old_one_must_be_entered_or_the_current_one_kept(
    as_person: AsPerson, requester: User, applied: Applied
) -> None:
    change = applied(value=CANARY, url="https://gcp-eu.example")
    browser = as_person(requester)
    page = browser.get(form_of(change))
    assert "Old client secrets are not stored: enter the old client secret, or keep the current one." in text_of(page)
    assert "secret_mode" not in read_form(page)
    assert submit_revert(browser, change).status_code == 422
    assert CANARY not in page.content.decode()
    assert submit_revert(browser, change, secret_mode="same").status_code == 302
    kept = newest().get_current_revision()
    assert (kept.encrypted_secret, kept.secret_fingerprint) == (None, "")
    Change.objects.filter(pk=kept.change_id).update(status=Status.WITHDRAWN)
    assert submit_revert(browser, change, secret_mode="enter", client_secret="the old one").status_code == 302
    entered = newest().get_current_revision()
    value = secret_encryption.decrypt_secret(bytes(entered.encrypted_secret or b""), entered.pk)
    assert value == SecretStr("the old one")


@pytest.mark.parametrize(
    "typed", [{"notes": "More than that"}, {"secret_mode": "enter", "client_secret": "another value"}], ids=str
)
def test_field_that_the_change_left_alone_is_refused_at_the_field(
    as_person: AsPerson, requester: User, applied: Applied, typed: dict[str, str]
) -> None:
    change = applied(url="https://gcp-eu.example")
    refused = submit_revert(as_person(requester), change, **typed)
    assert refused.status_code == 422
    assert f"{change.reference} did not change this. Undo your edit, or propose it as a change of its own." in text_of(
        refused
    )
    assert newest() == change


def test_command_refuses_what_the_form_would(
    requester: User, requester2: User, applied: Applied, propose: Callable[..., Proposal], live_base: Snapshot
) -> None:
    change = applied(url="https://gcp-eu.example")
    more = propose(base=live_base, url="https://gcp.com", notes="More")
    with pytest.raises(BeyondRevert, match="Notes"):
        submission.submit_change(more, by=requester, reverts=change.pk)
    exact = propose(base=live_base, url="https://gcp.com")
    for by, proposal in ((requester2, exact), (requester, propose(base=None, url="https://gcp.com"))):
        with pytest.raises(NotRevertible):
            submission.submit_change(proposal, by=by, reverts=change.pk)
    Change.objects.filter(pk=change.pk).update(status=Status.FAILED)
    with pytest.raises(NotRevertible, match="was not applied"):
        submission.submit_change(exact, by=requester, reverts=change.pk)
    assert newest() == change


def test_revision_of_a_revert_keeps_to_the_same_fields(
    as_person: AsPerson, requester: User, applied: Applied, propose: Callable[..., Proposal], live_base: Snapshot
) -> None:
    change = applied(url="https://gcp-eu.example")
    submit_revert(as_person(requester), change)
    with pytest.raises(BeyondRevert):
        submission.revise_change(newest().pk, propose(base=live_base, notes="More"), by=requester)


def test_page_of_a_revert_names_fields_that_get_another_value_than_before(
    as_person: AsPerson, requester: User, applied: Applied
) -> None:
    change = applied(url="https://gcp-eu.example", tags="eu")
    browser = as_person(requester)
    submit_revert(browser, change, url="https://neither.example")
    assert "Not the values from before that change: URL" in text_of(page_of(browser, newest()))


def test_change_with_unknown_earlier_values_says_why_it_cannot_be_reverted(
    as_person: AsPerson, requester: User, applied: Applied
) -> None:
    change = applied(base=None, notes="Seen by nobody")
    browser = as_person(requester)
    page = page_of(browser, change)
    sentence = f"Segura did not show the values before {change.reference}, so they cannot be restored."
    assert not offers(page, "revert", change)
    assert sentence in text_of(page)
    assert form_of(change) not in browser.get("/").content.decode()
    refused = browser.get(form_of(change))
    assert refused.status_code == 422
    assert sentence in text_of(refused)
    assert prefill.build_revert_source(change.get_current_revision()) is None


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.REJECTED])
def test_change_that_was_not_applied_cannot_be_reverted(
    as_person: AsPerson, requester: User, applied: Applied, status: Status
) -> None:
    change = applied(url="https://gcp-eu.example")
    Change.objects.filter(pk=change.pk).update(status=status)
    browser = as_person(requester)
    assert not offers(page_of(browser, change), "revert", change)
    page = browser.get(form_of(change))
    assert page.status_code == 422
    assert f"{change.reference} was not applied, so there is nothing to revert." in text_of(page)
    assert not buttons(page)


def test_form_is_refused_while_the_current_values_cannot_be_read(
    as_person: AsPerson, requester: User, applied: Applied, segura: Sandbox
) -> None:
    change = applied(url="https://gcp-eu.example")
    segura.control.plan("429:2", endpoint="get", times=None)
    page = as_person(requester).get(form_of(change))
    assert page.status_code == 422
    assert "A revert is compared with the current values, and Segura did not show them." in text_of(page)


def test_draft_of_another_edit_survives_a_revert(
    as_person: AsPerson, requester: User, applied: Applied, live_base: Snapshot
) -> None:
    change = applied(url="https://gcp-eu.example")
    drafts.save_draft(
        by=requester, secret=43, name="gcp", patch={"notes": "Later"}, base=live_base.fields, words={"reason": "Later"}
    )
    browser = as_person(requester)
    assert buttons(browser.get(form_of(change))) == {"preview", "rows:users_allowed", "rows:groups_allowed"}
    assert submit_revert(browser, change).status_code == 302
    assert Draft.objects.of(requester).count() == 1


def test_database_keeps_what_a_change_reverts(as_person: AsPerson, requester: User, applied: Applied) -> None:
    change = applied(url="https://gcp-eu.example")
    submit_revert(as_person(requester), change)
    with pytest.raises(DatabaseError, match="keeps its requester and its secret"):
        Change.objects.filter(pk=newest().pk).update(reverts=None)


def test_earlier_values_come_from_the_revision_that_was_applied(applied: Applied) -> None:
    change = applied(url="https://gcp-eu.example")
    source = prefill.build_revert_source(Revision.objects.get(change=change))
    assert source is not None
    assert source.patch == {"url": "https://gcp.com"}
    assert (source.base["url"], source.new_secret) == ("https://gcp-eu.example", False)
