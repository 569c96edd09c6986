"""What was ticked and typed about one revision says nothing about another: the controls are bound to its digest."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Vote
from portal.changes.workflow import submission
from tests.changes.pages import ballot_of, page_of, send, text_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
Propose = Callable[..., Proposal]
GRAVE = {"users_allowed": [["pduarte", True], ["rcosta", True]]}
TYPED = "I compared revision 1 field by field"


@pytest.fixture
def grave(propose: Propose, requester: User) -> Change:
    """A change of high risk."""
    return submission.submit_change(propose(**GRAVE), by=requester)


def carried_over(change: Change, **typed: str) -> dict[str, str]:
    """A vote over the revision of now with `typed` under the names that it had before."""
    now = ballot_of(change)
    return {name: text for name, text in now.items() if not name.startswith("confirmed")} | typed


@pytest.mark.parametrize("name", ["confirmed", "confirmed-{old}", "confirmed-", "confirmed-{old}{new}"])
def test_approver_who_confirmed_an_earlier_revision_has_not_confirmed_this_one(
    name: str, as_person: AsPerson, approver: User, requester: User, propose: Propose, grave: Change
) -> None:
    old = grave.get_current_revision().digest
    submission.revise_change(grave.pk, propose(**GRAVE, url="https://third.example"), by=requester)
    grave.refresh_from_db()
    name = name.format(old=old, new=grave.get_current_revision().digest)
    answer = send(as_person(approver), "approve", grave, carried_over(grave, **{name: "on"}))
    assert answer.status_code == 422
    assert not Vote.objects.exists()
    assert send(as_person(approver), "approve", grave, ballot_of(grave)).status_code == 302


@pytest.mark.parametrize("verdict", ["reject", "request_changes"])
def test_comment_on_an_earlier_revision_is_no_reason_for_a_vote_on_this_one(
    verdict: str, as_person: AsPerson, approver: User, requester: User, propose: Propose, grave: Change
) -> None:
    old = grave.get_current_revision().digest
    submission.revise_change(grave.pk, propose(**GRAVE, url="https://third.example"), by=requester)
    for name in ("reason", f"reason-{old}"):
        answer = send(as_person(approver), verdict, grave, carried_over(grave, **{name: TYPED}))
        assert answer.status_code == 422
    assert not Vote.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_approver_of_a_revised_change_gets_a_fresh_box_and_the_typed_comment_to_copy(
    verdict: str,
    headers: dict[str, str],
    as_person: AsPerson,
    approver: User,
    requester: User,
    propose: Propose,
    grave: Change,
) -> None:
    seen = ballot_of(grave, reason=TYPED) | {"from": "queue"}
    submission.revise_change(grave.pk, propose(**GRAVE, url="https://third.example"), by=requester)
    answer = send(as_person(approver), verdict, grave, seen, **headers)
    assert answer.status_code == 409
    assert TYPED in text_of(answer)
    page = answer.content.decode()
    digest = ballot_of(grave)["digest"]
    assert re.search(rf'<textarea[^>]*name="reason-{digest}"[^>]*>\s*</textarea>', page)
    assert not re.search(r'name="confirmed-[^"]*"[^>]*checked', page)
    assert f'name="reason-{seen["digest"]}"' not in page


def test_every_form_that_decides_tells_the_browser_to_restore_nothing(
    as_person: AsPerson, approver: User, grave: Change
) -> None:
    browser = as_person(approver)
    for page in (page_of(browser, grave), browser.get("/queue/")):
        forms = re.findall(r"<form[^>]*>", page.content.decode())
        deciding = [form for form in forms if "/approve/" in form or "/decide/" in form]
        assert deciding
        assert [form for form in deciding if 'autocomplete="off"' not in form] == []
