"""A stale change is taken up again field by field: keep mine, take theirs, or edit; nothing is chosen for anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changes.paper import read_form
from tests.changes.test_propose_page import Desk
from tests.changing import approve, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]

MINE, THEIRS = "https://mine.example", "https://theirs.example"
ASKED = "Also changed in Segura. Choose which value to keep."


@pytest.fixture
def stale(
    segura: Sandbox, live_base: Snapshot, propose: Callable[..., Proposal], requester: User, approver: User
) -> Change:
    """Approved, and found stale by the worker: url and users were changed in Segura too, notes there alone."""
    shares = [["alices", False], ["pduarte", False]]
    proposal = propose(base=live_base, url=MINE, tags="Mine alone", users_allowed=shares)
    change = approve(submission.submit_change(proposal, by=requester), approver)
    segura.control.edit(43, url=THEIRS, notes="Theirs alone", users_allowed={"jsilva": True, "pduarte": True})
    assert work(change).status == Status.STALE
    return change


@pytest.fixture
def desk(stale: Change, requester: User, as_person: Callable[[User], Client]) -> Desk:
    desk = Desk(as_person(requester), f"/changes/{stale.pk}/revise/")
    desk.open()
    return desk


def proposed(change: Change) -> dict[str, Any]:
    change.refresh_from_db()
    return change.get_current_revision().patch


def test_page_shows_what_it_was_what_it_is_and_what_was_proposed_and_chooses_nothing(desk: Desk) -> None:
    for value in ("https://gcp.com", THEIRS, MINE):
        assert value in desk.text
    assert "Changed by you and in Segura" in desk.text
    assert "Changed only in Segura; kept as is: Notes" in text_of(desk.pages[-1])
    form = read_form(desk.pages[-1])
    assert "choice_url" not in form
    assert "choice_users_allowed" not in form
    for name in ("choice_tags", "choice_notes", "choice_name"):
        assert name not in desk.pages[-1].content.decode()


def test_both_values_are_marked_against_the_one_of_the_proposal(desk: Desk) -> None:
    url = desk.pages[-1].content.decode().partition('id="url-edit"')[2].partition("</fieldset>")[0]
    assert url.count('<span class="new-value">https://<mark>') == 2


def test_nothing_goes_on_before_each_has_been_chosen_and_what_was_chosen_is_kept(desk: Desk, stale: Change) -> None:
    page = desk.preview(choice_url="theirs", reason="Typed anew")
    assert page.status_code == 422
    assert f"Users allowed : {ASKED}" in text_of(page)
    assert "URL : It was" not in text_of(page)
    form = read_form(page)
    assert (form["choice_url"], form["reason"]) == ("theirs", "Typed anew")
    stale.refresh_from_db()
    assert (stale.status, stale.revision) == (Status.STALE, 1)


def test_mine_is_a_new_revision_over_what_segura_holds_now_without_votes(
    desk: Desk, stale: Change, approver: User, segura: Sandbox
) -> None:
    desk.preview(choice_url="mine", choice_users_allowed="mine")
    desk.press("confirm")
    merged = [["alices", False], ["jsilva", True], ["pduarte", False]]
    assert proposed(stale) == {"url": MINE, "tags": "Mine alone", "users_allowed": merged}
    assert (stale.status, stale.revision) == (Status.PENDING, 2)
    assert not stale.votes.filter(revision=2).exists()
    assert stale.get_current_revision().base["url"] == THEIRS  # type: ignore[index]
    assert work(approve(stale, approver)).status == Status.APPLIED
    assert segura.control.journal()["applications"][-1]["values"]["url"] == MINE


def test_theirs_leaves_the_field_alone(desk: Desk, stale: Change) -> None:
    desk.preview(choice_url="theirs", choice_users_allowed="theirs")
    desk.press("confirm")
    assert proposed(stale) == {"tags": "Mine alone"}


def test_theirs_of_all_is_no_change_any_more(
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    as_person: Callable[[User], Client],
    segura: Sandbox,
) -> None:
    change = submission.submit_change(propose(base=live_base, url=MINE), by=requester)
    segura.control.edit(43, url=THEIRS)
    desk = Desk(as_person(requester), f"/changes/{change.pk}/revise/")
    desk.open()
    assert desk.preview(choice_url="theirs").status_code == 422
    assert "Nothing changed: edit at least one field." in desk.text


def test_edit_takes_what_is_typed(desk: Desk, stale: Change) -> None:
    desk.preview(choice_url="edit", url="https://both.example", choice_users_allowed="theirs")
    desk.press("confirm")
    assert proposed(stale)["url"] == "https://both.example"


def test_what_is_typed_counts_for_nothing_without_edit(desk: Desk, stale: Change) -> None:
    desk.preview(choice_url="mine", url="x" * 501, choice_users_allowed="theirs")
    desk.press("confirm")
    assert proposed(stale)["url"] == MINE


@pytest.mark.parametrize(("choice", "typed"), [("mine", MINE), ("theirs", MINE), ("edit", "https://both.example")])
def test_back_from_the_preview_the_choices_are_as_they_were(desk: Desk, choice: str, typed: str) -> None:
    desk.preview(choice_url=choice, url=typed, choice_users_allowed="mine")
    form = read_form(desk.press("back"))
    assert (form["choice_url"], form["choice_users_allowed"]) == (choice, "mine")
    if choice == "edit":
        assert form["url"] == typed


def test_more_rows_forget_no_choice(desk: Desk) -> None:
    form = read_form(desk.press("rows:users_allowed", choice_url="theirs", choice_users_allowed="mine"))
    assert (form["choice_url"], form["choice_users_allowed"]) == ("theirs", "mine")


def test_a_client_secret_that_both_replaced_is_asked_for_and_the_kept_one_goes_on_only_when_chosen(
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    as_person: Callable[[User], Client],
    segura: Sandbox,
) -> None:
    change = submission.submit_change(propose(base=live_base, value="cAnArY-mine", url=MINE), by=requester)
    segura.control.edit(43, client_secret="cAnArY-theirs")
    desk = Desk(as_person(requester), f"/changes/{change.pk}/revise/")
    desk.open()
    assert "Choose whether to replace it with your value." in desk.text
    assert "secret_mode" not in read_form(desk.pages[-1])
    assert desk.preview().status_code == 422
    assert "Choose what to do with the client secret." in desk.text
    desk.preview(secret_mode="same")
    desk.press("confirm")
    change.refresh_from_db()
    assert change.get_current_revision().secret_fingerprint == ""
    for page in desk.pages:
        assert "cAnArY" not in page.content.decode()


def test_where_segura_holds_what_was_proposed_there_is_nothing_to_choose(
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    as_person: Callable[[User], Client],
    segura: Sandbox,
) -> None:
    change = submission.submit_change(propose(base=live_base, url=MINE, tags="More"), by=requester)
    segura.control.edit(43, url=MINE)
    desk = Desk(as_person(requester), f"/changes/{change.pk}/revise/")
    desk.open()
    assert "Changed by you and in Segura" not in desk.text
    desk.preview()
    desk.press("confirm")
    assert proposed(change) == {"tags": "More"}
