"""Nobody decides their own change: not by the page, a crafted form, a second browser, an office, or a flag.

Raw SQL has its own file: tests/changes/test_four_eyes.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from playwright.sync_api import Response, expect

from portal.sandbox import Control
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.xdist_group("portal"),
    pytest.mark.shows("W04"),
]

OWN = "You can't decide a change you proposed or edited. Another member of Approvers can."
MEMBERS = "Only members of Approvers can do this."
ALL_ROLES = ("requester", "approver", "auditor", "administrator")
SEND = """([path, fields]) => {
    const form = document.createElement("form");
    fields.csrfmiddlewaretoken = document.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), { name, value }));
    }
    document.body.append(Object.assign(form, { method: "post", action: path }));
    form.submit();
}"""
SHORTEN = """async ([path, fields]) => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: token });
    const answer = await fetch(path, { method: "POST", body, headers: { "HX-Request": "true" } });
    return [answer.status, await answer.text()];
}"""
"""The same by way of htmx, from the queue."""

Ballot = dict[str, str]
SignIn = Callable[..., Person]


@pytest.fixture
def paula(portal: Portal, sign_in: SignIn) -> Person:
    """She proposes, and she is a member of Approvers."""
    return sign_in("paula", portal.hire("paula", "requester", "approver"))


@pytest.fixture
def approver(sign_in: SignIn) -> Person:
    return sign_in("approver")


@pytest.fixture
def told(sign_in: SignIn) -> Callable[..., list[dict[str, Any]]]:
    """`told("vote.refused", "paula")`: what the log says of her under this kind, oldest first, as an auditor has it."""
    auditor = sign_in("auditor")

    def export(kind: str, person: str) -> list[dict[str, Any]]:
        address = f"{auditor.url}/audit/export.jsonl?kind={kind}&person={person}"
        lines = auditor.context.request.get(address).text().splitlines()
        return sorted(map(json.loads, lines), key=lambda event: str(event["at"]))

    return export


def ballot_of(somebody_else: Person, change: int) -> Ballot:
    """What the decision form of another person's page would send: the revision and its digest."""
    page = somebody_else.go(f"/changes/{change}/")
    return {name: page.locator(f"#decide [name={name}]").first.input_value() for name in ("revision", "digest")}


def craft(person: Person, path: str, fields: Ballot) -> Response:
    """Send a form that their page does not have, with their own CSRF token; a 403 is no fault of the page."""
    with person.page.expect_navigation() as navigation:
        person.page.evaluate(SEND, [path, fields])
    person.complaints = [complaint for complaint in person.complaints if " 403 " not in complaint]
    return navigation.value


def expect_no_decision(person: Person, change: int, sentence: str) -> None:
    page = person.go(f"/changes/{change}/")
    for button in ("Approve", "Reject"):
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    expect(page.locator("form[action$='/approve/'], [formaction$='/reject/']")).to_have_count(0)
    expect(page.locator("#acts")).to_contain_text(sentence)


def expect_refused(person: Person, change: int, ballot: Ballot, sentence: str, verdict: str = "approve") -> None:
    """The crafted vote is answered with the rule, and the change stays where it was."""
    answer = craft(person, f"/changes/{change}/{verdict}/", {**ballot, f"reason-{ballot['digest']}": "I trust myself"})
    assert answer.status == 403
    expect(person.page.locator("main").get_by_role("alert")).to_contain_text(sentence)
    person.expect_status(change, "Pending")


def expect_told(told: Callable[..., list[dict[str, Any]]], name: str, change: int, rule: str) -> None:
    """The log has the refused vote and the refused page, both with the rule."""
    (*_, vote) = told("vote.refused", name)
    assert (vote["actor"], vote["change"], vote["data"]["rule"]) == (name, change, rule)
    (*_, page) = told("access.denied", name)
    assert page["data"]["path"].startswith(f"/changes/{change}/")
    assert page["data"]["rule"] == rule


def expect_another_decides(approver: Person, change: int, segura: Control) -> None:
    """Nothing of what was tried counted: one vote of somebody else, and only then the call."""
    secret = (
        str(approver.go(f"/changes/{change}/").locator(".eyebrow a[href^='/secrets/']").get_attribute("href"))
        .strip("/")
        .split("/")[-1]
    )

    def calls() -> int:  # for this secret: other tests leave changes of others behind, which go their way meanwhile
        return sum(call["identifier"] == secret for call in segura.arrivals("update"))

    assert calls() == 0
    approver.approve(change)
    approver.expect_status(change, "Applied")
    assert calls() == 1


def test_the_page_and_the_queue_offer_no_decision(paula: Person, approver: Person, segura: Control) -> None:
    change = paula.propose(12, notes="by paula, for paula")
    expect_no_decision(paula, change, OWN)
    expect(paula.go("/queue/").get_by_role("link", name=f"CR-{change}")).to_have_count(0)
    expect(approver.go("/queue/").get_by_role("link", name=f"CR-{change}").first).to_be_visible()
    expect_another_decides(approver, change, segura)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_crafted_form_decides_nothing(
    verdict: str, paula: Person, approver: Person, segura: Control, told: Callable[..., list[dict[str, Any]]]
) -> None:
    change = paula.propose(14, notes=f"crafted to {verdict}")
    ballot = ballot_of(approver, change)
    paula.go("/changes/mine/")
    expect_refused(paula, change, ballot, OWN, verdict)
    expect_told(told, "paula", change, "OwnChange")
    expect_another_decides(approver, change, segura)


def test_a_crafted_htmx_request_from_the_queue_decides_nothing(
    paula: Person, approver: Person, segura: Control, told: Callable[..., list[dict[str, Any]]]
) -> None:
    change = paula.propose(15, notes="crafted, by htmx")
    ballot = ballot_of(approver, change)
    paula.go("/queue/")
    path = f"/changes/{change}/approve/"
    status, page = paula.page.evaluate(SHORTEN, [path, {**ballot, "from": "queue"}])
    paula.complaints = [complaint for complaint in paula.complaints if " 403 " not in complaint]
    assert status == 403
    assert escape(OWN) in page
    expect_told(told, "paula", change, "OwnChange")
    paula.expect_status(change, "Pending")
    expect_another_decides(approver, change, segura)


def test_a_crafted_htmx_request_of_who_may_not_decide_is_shown_no_queue(sign_in: SignIn, approver: Person) -> None:
    requester, other = sign_in("requester"), sign_in("requester2")
    change, others = requester.propose(15, notes="mine"), other.propose(17, notes="nobody else's business")
    ballot = ballot_of(approver, change)
    requester.go("/changes/mine/")
    path = f"/changes/{change}/approve/"
    status, page = requester.page.evaluate(SHORTEN, [path, {**ballot, "from": "queue"}])
    requester.complaints = [complaint for complaint in requester.complaints if " 403 " not in complaint]
    assert status == 403
    assert f"CR-{others}" not in page
    assert "nobody else" not in page


def test_a_second_session_of_the_same_person_is_the_same_person(
    portal: Portal, sign_in: SignIn, approver: Person, segura: Control, told: Callable[..., list[dict[str, Any]]]
) -> None:
    """The second one even has a true decision page open, of somebody else's change, and bends its form."""
    password = portal.hire("paula", "requester", "approver")
    first, second, requester = sign_in("paula", password), sign_in("paula", password), sign_in("requester")
    others = requester.propose(17, notes="of somebody else")
    change = first.propose(17, notes="two sessions")
    expect_no_decision(second, change, OWN)

    page = second.go(f"/changes/{others}/")
    ballot = ballot_of(approver, change)
    form = page.locator("#decide form").first
    form.evaluate("(form, path) => form.setAttribute('action', path)", f"/changes/{change}/approve/")
    for name, value in ballot.items():
        form.locator(f"[name={name}]").evaluate("(input, value) => input.value = value", value)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text(OWN)
    second.complaints = [complaint for complaint in second.complaints if " 403 " not in complaint]
    expect_told(told, "paula", change, "OwnChange")
    first.expect_status(change, "Pending")
    expect_another_decides(approver, change, segura)


def test_whoever_proposed_and_then_became_an_approver_only_is_still_the_requester(
    portal: Portal, paula: Person, approver: Person, segura: Control, told: Callable[..., list[dict[str, Any]]]
) -> None:
    change = paula.propose(18, notes="proposed as a requester")
    ballot = ballot_of(approver, change)
    portal.manage("user", "paula", "--role", "approver")
    expect_no_decision(paula, change, OWN)
    expect_refused(paula, change, ballot, OWN)
    expect_told(told, "paula", change, "OwnChange")
    expect_another_decides(approver, change, segura)


def test_an_administrator_decides_neither_their_own_change_nor_anybody_elses(
    portal: Portal, sign_in: SignIn, approver: Person, segura: Control, told: Callable[..., list[dict[str, Any]]]
) -> None:
    admin, requester = sign_in("admin"), sign_in("requester")
    change = requester.propose(56, notes="not the administrator's business")
    ballot = ballot_of(approver, change)
    expect_no_decision(admin, change, MEMBERS)
    expect_refused(admin, change, ballot, MEMBERS)
    expect_told(told, "admin", change, "NotAllowed")
    expect_another_decides(approver, change, segura)

    segura.clear_journal()
    chief = sign_in("chief", portal.hire("chief", *ALL_ROLES))
    change = chief.propose(56, notes="the administrator's own")
    ballot = ballot_of(approver, change)
    expect_no_decision(chief, change, OWN)
    expect_refused(chief, change, ballot, OWN)
    expect_told(told, "chief", change, "OwnChange")
    expect_another_decides(approver, change, segura)


def test_a_superuser_decides_neither_their_own_change_nor_anybody_elses(
    portal: Portal, sign_in: SignIn, approver: Person, segura: Control, told: Callable[..., list[dict[str, Any]]]
) -> None:
    """Django says yes to a superuser whatever is asked; the portal asks who is a member."""
    command = ("createsuperuser", "--noinput", "--username", "sudo", "--email", "sudo@example.com")
    portal.manage(*command, DJANGO_SUPERUSER_PASSWORD="superuser-horse-staple")
    superuser, requester = sign_in("sudo", "superuser-horse-staple"), sign_in("requester")
    change = requester.propose(22, notes="not the superuser's business")
    answer = craft(superuser, f"/changes/{change}/approve/", ballot_of(approver, change))
    assert answer.status == 404  # who holds no role sees no change of others
    superuser.complaints.clear()
    (*_, vote) = told("vote.refused", "sudo")
    assert (vote["change"], vote["data"]["rule"]) == (change, "NotAllowed")
    expect_another_decides(approver, change, segura)

    segura.clear_journal()
    portal.manage("user", "sudo", *(part for role in ALL_ROLES for part in ("--role", role)))
    change = superuser.propose(22, notes="the superuser's own")
    ballot = ballot_of(approver, change)
    expect_no_decision(superuser, change, OWN)
    expect_refused(superuser, change, ballot, OWN)
    expect_told(told, "sudo", change, "OwnChange")
    expect_another_decides(approver, change, segura)
