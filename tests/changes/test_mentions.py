"""The new client secret in any text of whoever proposes it: refused before anything is kept, and not shown again."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, ChangeTemplate, Comment
from portal.changes.models.draft import Draft
from portal.changes.rules.guards import ContainsSecret
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from portal.vault.scrubbing import is_quoted
from tests.changes.pages import send, text_of
from tests.changes.paper import press
from tests.changes.test_comments import remark
from tests.people import mirrored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
URL = "/secrets/43/propose/"
VALUE = "k7R-vq2Lx9Tb4Wm8"
QUOTED = {
    "alone": VALUE,
    "in a sentence": f"new value: {VALUE}, as agreed",
    "after an equals sign": f"value={VALUE}",
    "inside something longer": f"https://x.example/?k={VALUE}&z=1",
    "without its ends": f"it is {VALUE[2:]}",
    "cut": f"it is {VALUE[:13]}…",
    "in capitals": VALUE.upper(),
    "backwards": VALUE[::-1],
    "letters apart": " ".join(VALUE),
    "with zero width between": "\u200d".join(VALUE),
    "in fours": " ".join(VALUE[at : at + 4] for at in range(0, 16, 4)),
}
FIELDS = ("name", "url", "client_id", "identifier_code", "tags", "notes", "method", "reason", "ticket")


def words(page: Any) -> str:
    return str(page.content.decode())


@pytest.fixture
def browser(segura: Sandbox, requester: User, approver: User, as_person: AsPerson) -> Client:
    mirrored()
    return as_person(requester)


def propose_it(browser: Client, act: str = "preview", **typed: str) -> HttpResponse:
    typed = {"secret_mode": "enter", "client_secret": VALUE, "reason": "It leaked", **typed}
    answer: HttpResponse = press(browser, URL, browser.get(URL), act, **typed)
    return answer


@pytest.mark.parametrize("field", [*FIELDS, "users_allowed__1__name", "groups_allowed__1__name"])
def test_requester_cannot_write_the_new_value_into_any_field(field: str, browser: Client) -> None:
    for act in ("preview", "draft"):
        answer = propose_it(browser, act, **{field: f"value {VALUE}"})
        assert answer.status_code == 422
        assert "must not hold the new client secret" in text_of(answer)
        assert VALUE not in words(answer)
    assert not Change.objects.exists()
    assert not Draft.objects.exists()
    assert not Event.objects.filter(text__contains=VALUE).exists()


@pytest.mark.parametrize("spelling", sorted(set(QUOTED) - {"with zero width between"}))
def test_requester_cannot_write_the_new_value_in_another_spelling(spelling: str, browser: Client) -> None:
    answer = propose_it(browser, reason=QUOTED[spelling])
    assert answer.status_code == 422
    assert QUOTED[spelling] not in words(answer)


def test_value_entered_earlier_counts_as_well(browser: Client) -> None:
    refused = propose_it(browser, reason="")
    answer = press(browser, URL, refused, "preview", secret_mode="carried", reason=f"now {VALUE}")
    assert answer.status_code == 422
    assert VALUE not in words(answer)
    assert press(browser, URL, answer, "preview", secret_mode="carried", reason="It leaked").status_code == 200


def test_text_without_the_value_passes(browser: Client) -> None:
    answer = propose_it(browser, reason="The value k7R of the old key leaked", notes="Rotated, see OPS-7")
    assert answer.status_code == 200


@pytest.mark.parametrize("place", ["reason", "ticket", "patch", "share"])
def test_proposal_that_quotes_its_value_is_not_submitted_whatever_the_form_let_pass(
    place: str, propose: Propose, requester: User
) -> None:
    patch = {"patch": {"notes": QUOTED["in a sentence"]}, "share": {"users_allowed": [[VALUE, True]]}}.get(place, {})
    proposal = propose(value=VALUE, **patch)
    if not patch:
        proposal = replace(proposal, **{place: QUOTED["after an equals sign"]})
    with pytest.raises(ContainsSecret) as refused:
        submission.submit_change(proposal, by=requester)
    assert VALUE not in str(refused.value) + refused.value.rest
    assert not Change.objects.exists()


def test_reason_of_a_later_revision_cannot_hold_an_earlier_value(propose: Propose, requester: User) -> None:
    change = submission.submit_change(propose(value=VALUE), by=requester)
    for reason in (f"not {VALUE} any more", f"instead of value={VALUE[:-1]}8"):
        revision = replace(propose(notes="new"), reason=reason)
        with pytest.raises(ContainsSecret):
            submission.revise_change(change.pk, revision, by=requester)
    submission.revise_change(change.pk, propose(value="quite-another-one"), by=requester)
    with pytest.raises(ContainsSecret):
        submission.revise_change(change.pk, replace(propose(notes="n"), reason=f"not{VALUE}again"), by=requester)
    assert not Event.objects.filter(text__contains=VALUE).exists()


@pytest.mark.parametrize("spelling", QUOTED)
def test_comment_on_the_own_change_cannot_hold_the_value(
    spelling: str, as_person: AsPerson, requester: User, propose: Propose
) -> None:
    change = submission.submit_change(propose(value=VALUE), by=requester)
    answer = send(as_person(requester), "comment", change, remark(QUOTED[spelling]))
    assert answer.status_code == 422
    assert VALUE not in words(answer)
    assert not Comment.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        f"value={VALUE}",
        f"x{VALUE}x",
        f"{VALUE[:8]}\n{VALUE[8:]}",
        " ".join(VALUE),
        "\u200d".join(VALUE),
        VALUE + "…" + "a b" * 900,
    ],
)
def test_comment_cannot_hold_a_value_that_is_erased(
    text: str, as_person: AsPerson, requester: User, propose: Propose
) -> None:
    change = submission.submit_change(propose(value=VALUE), by=requester)
    submission.withdraw_change(change.pk, by=requester)
    answer = send(as_person(requester), "comment", change, remark(text))
    assert answer.status_code == 422
    assert VALUE not in words(answer)
    assert not Comment.objects.exists()


def test_other_people_are_told_nothing_about_their_guesses(
    as_person: AsPerson, approver: User, requester: User, propose: Propose
) -> None:
    change = submission.submit_change(propose(value=VALUE), by=requester)
    guesses = (VALUE, VALUE[:13], VALUE[::-1], "k7R-vq2Lx9Tb4Wm9")
    answers = [send(as_person(approver), "comment", change, remark(guess)).status_code for guess in guesses]
    assert answers == [302] * len(guesses)


def test_name_of_a_template_cannot_hold_the_value(as_person: AsPerson, requester: User, propose: Propose) -> None:
    change = submission.submit_change(propose(tags="pci", value=VALUE), by=requester)
    answer = as_person(requester).post(f"/changes/{change.pk}/template/", {"name": f"PCI {VALUE}"})
    assert answer.status_code == 422
    assert VALUE not in words(answer)
    assert not ChangeTemplate.objects.exists()


@pytest.mark.parametrize(
    ("value", "text", "quoted"),
    [
        ("hunter2", "the password hunter2", True),
        ("hunter2", "value=hunter2;", True),
        ("hunter2", "hunter2000", True),
        ("ab1", "it is ab1.", True),
        ("ab1", "tab10", False),
        ("!!??", "so !!?? it is", True),
        ("p@ss w0rd", "use P@SS-W0RD now", True),
        ("ação-2026-x", "acao 2026 x", True),
        ("gateway-eu-2026-very-long-value", "the gateway of the EU moves in 2026", False),
        (VALUE, base64.b64encode(VALUE.encode()).decode(), False),
    ],
)
def test_text_quotes_a_value_where_a_reader_would_see_it(value: str, text: str, quoted: bool) -> None:
    assert is_quoted(SecretStr(value), text) is quoted
