"""Templates: edits kept under a name from one change, and laid over the form of another secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, ChangeTemplate
from portal.changes.models.template import MOST
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changes.paper import read_form
from tests.people import mirrored

pytestmark = pytest.mark.django_db

AsPerson = Callable[[User], Client]
CANARY = "cAnArY-in-a-template"


@pytest.fixture
def change(segura: Sandbox, propose: Callable[..., Proposal], requester: User) -> Change:
    """Another name and code, a tag, one more user, and a new client secret."""
    users = [["alices", True], ["pduarte", True]]
    return submission.submit_change(
        propose(name="Elsewhere", identifier_code="pci-1", tags="pci", users_allowed=users, value=CANARY), by=requester
    )


def keep(browser: Client, change: Change, name: str = "PCI", **more: str) -> HttpResponse:
    response: HttpResponse = browser.post(f"/changes/{change.pk}/template/", {"name": name, **more}, follow=True)
    return response


def test_edits_are_kept_without_what_belongs_to_one_secret_and_laid_over_another(
    change: Change, requester: User, as_person: AsPerson, segura: Sandbox
) -> None:
    browser = as_person(requester)
    assert f"/changes/{change.pk}/template/" in page_of(browser, change).content.decode()
    assert "Kept as the template PCI." in text_of(keep(browser, change))
    kept = ChangeTemplate.objects.get()
    assert kept.patch == {"tags": "pci", "users_allowed": [["alices", True], ["pduarte", True]]}
    segura.control.edit(17, users_allowed={"newcomer": False})
    mirrored(17, "CI")
    assert "Start from a template" in text_of(browser.get("/secrets/17/propose/"))
    page = browser.get(f"/secrets/17/propose/?template={kept.pk}")
    form = read_form(page)
    assert "The template PCI is applied to" in text_of(page)
    assert form["tags"] == "pci"
    assert form["name"] != "Elsewhere"
    assert form["identifier_code"] != "pci-1"
    assert form["reason"] == "The endpoint moves to the EU"
    names = {form[name] for name in form if name.startswith("users_allowed-") and name.endswith("-name")}
    assert {"newcomer", "alices"} <= names
    assert "pduarte" not in names, "only what the edit added or altered"
    assert CANARY not in page.content.decode()


def test_templates_are_a_persons_own(change: Change, requester: User, requester2: User, as_person: AsPerson) -> None:
    keep(as_person(requester), change)
    kept, other = ChangeTemplate.objects.get(), as_person(requester2)
    assert "PCI" not in text_of(other.get("/templates/"))
    assert other.get(f"/secrets/43/propose/?template={kept.pk}").status_code == 404
    assert other.post(f"/templates/{kept.pk}/delete/").status_code == 404
    assert keep(other, change, "Stolen").status_code == 404, "who may not see a change takes nothing from it"


def test_an_administrator_shares_them_and_takes_shared_ones_away(
    change: Change, requester: User, requester2: User, admin: User, as_person: AsPerson
) -> None:
    keep(as_person(requester), change, "Mine", shared="on")
    assert not ChangeTemplate.objects.get().shared, "a requester shares nothing"
    keep(as_person(admin), change, "Ours", shared="on")
    shared = ChangeTemplate.objects.get(name="Ours")
    page = text_of(as_person(requester2).get("/templates/"))
    assert "Ours" in page
    assert "Mine" not in page
    assert as_person(requester2).post(f"/templates/{shared.pk}/delete/").status_code == 404
    roles.add_to_role(requester2, Role.ADMINISTRATOR)
    assert as_person(requester2).post(f"/templates/{shared.pk}/delete/").status_code == 302
    own = ChangeTemplate.objects.get()
    assert as_person(requester2).post(f"/templates/{own.pk}/delete/").status_code == 404
    assert "The template Mine is deleted." in text_of(
        as_person(requester).post(f"/templates/{own.pk}/delete/", follow=True)
    )


def test_a_name_is_asked_for_and_one_has_so_many_at_most(change: Change, requester: User, as_person: AsPerson) -> None:
    browser = as_person(requester)
    refused = keep(browser, change, " ")
    assert refused.status_code == 422
    assert "Give the template a name." in text_of(refused)
    for number in range(MOST):
        keep(browser, change, f"T{number}")
    refused = keep(browser, change, "One more")
    assert refused.status_code == 422
    assert "templates are yours already" in text_of(refused)
    assert 'value="One more"' in refused.content.decode()
    assert keep(browser, change, "T1").status_code == 200, "a name one has is given the new edits"


def test_a_change_of_what_belongs_to_one_secret_alone_has_nothing_to_keep(
    segura: Sandbox, propose: Callable[..., Proposal], requester: User, as_person: AsPerson
) -> None:
    change = submission.submit_change(propose(name="Other", identifier_code="oth-1", value=CANARY), by=requester)
    browser = as_person(requester)
    assert "Nothing to keep" in text_of(browser.get(f"/changes/{change.pk}/template/"))
    assert keep(browser, change).status_code == 422
    assert not ChangeTemplate.objects.exists()


def test_a_template_of_an_earlier_release_is_laid_over_without_the_code_it_holds(
    change: Change, requester: User, as_person: AsPerson
) -> None:
    browser = as_person(requester)
    keep(browser, change)
    ChangeTemplate.objects.update(patch={"identifier_code": "pci-1", "tags": "pci"}, base=None)
    form = read_form(browser.get(f"/secrets/43/propose/?template={ChangeTemplate.objects.get().pk}"))
    assert (form["identifier_code"], form["tags"]) == ("hyga125", "pci")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My template", "my TEMPLATE"),
        ("caf\u00e9", "cafe\u0301"),
        ("o'neil", "O\u2019Neil"),
        ("a-b", "a\u2011b"),
        ("\uff50ci", "PCI"),
        ("stra\u00dfe", "STRASSE"),
        ("a b", "a\u00a0b"),
    ],
)
def test_requester_who_keeps_a_name_in_another_spelling_has_one_template_of_it(
    one: str, other: str, submitted: Change, requester: User, admin: User, as_person: AsPerson
) -> None:
    browser = as_person(requester)
    keep(browser, submitted, one)
    keep(browser, submitted, other)
    keep(browser, submitted, "another")
    keep(as_person(admin), submitted, one)
    assert set(ChangeTemplate.objects.filter(person=requester).values_list("name", flat=True)) == {other, "another"}
    assert ChangeTemplate.objects.filter(person=admin).count() == 1
