"""The difference is the same markup wherever a change is shown, and needs no JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.audit.models import Event
from portal.catalog import directory
from portal.catalog.models import DirectoryName
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changes.paper import press
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
FORM = "/secrets/43/propose/"


def fields_of(response: Any) -> list[str]:
    """The fields of a difference as HTML, one line each, without the link that comments on them."""
    html = re.sub(r"<a class=\"comment-on\".*?</a>", "", response.content.decode(), flags=re.DOTALL)
    found = re.findall(r'<section class="diff-field">.*?</section>', html, flags=re.DOTALL)
    return [re.sub(r">\s+<", "><", " ".join(field.split())) for field in found]


@pytest.fixture
def pages(
    as_person: Callable[[User], Client], requester: User, approver: User, segura: Sandbox
) -> dict[str, list[str]]:
    """The difference on the page of each step, for the one who reads it there."""
    mirrored(43, "GCP")
    segura.control.edit(43, client_id="relay", tags="blue, legacy", notes="Call Ana\nBy phone")
    browser = as_person(requester)
    form = browser.get(FORM)
    typed = {"client_id": "relay2", "tags": "blue, critical", "notes": "Call Bia\nBy phone", "reason": "New relay"}
    review = press(browser, FORM, form, "preview", **typed)
    press(browser, FORM, review, "confirm")
    change = Change.objects.get()
    reader = as_person(approver)
    return {
        "review": fields_of(review),
        "panel": fields_of(reader.get(reverse("changes:queue"))),
        "change": fields_of(reader.get(reverse("changes:change", args=[change.pk]))),
    }


def test_changed_letters_are_marked_in_panel_page_and_review_d1(pages: dict[str, list[str]]) -> None:
    for name, fields in pages.items():
        shown = next(field for field in fields if "Client ID" in field)
        assert "</span>relay<mark>2</mark></ins>" in shown, name


def test_review_and_change_page_render_the_same_difference_r3(pages: dict[str, list[str]]) -> None:
    assert len(pages["review"]) == 3
    assert pages["review"] == pages["change"] == pages["panel"]


def test_marks_are_in_the_page_of_the_server_d3(pages: dict[str, list[str]]) -> None:
    tags, notes = pages["change"][1:]
    assert "<mark>legacy</mark>" in tags
    assert "+critical" in tags
    assert "Call <mark>Ana</mark>" in notes
    assert "Call <mark>Bia</mark>" in notes
    assert '<p class="diff-kept">By phone</p>' in notes


def test_proposed_address_is_never_a_link(pages: dict[str, list[str]]) -> None:
    assert not [field for fields in pages.values() for field in fields if "<a " in field]


# --- Access before and after ----------------------------------------------------------------------------


@pytest.fixture
def listed(scim: Sandbox, settings: Any) -> None:
    directory.sync_directory()
    DirectoryName.objects.filter(name="alices").update(display_name="Alice Santos")


def grant(propose: Callable[..., Proposal], by: User, *names: str) -> Change:
    users = [["pduarte", True], *([name, True] for name in names)]
    return submission.submit_change(propose(users_allowed=sorted(users)), by=by)


def page_words(as_person: Callable[[User], Client], reader: User, change: Change) -> str:
    return text_of(as_person(reader).get(reverse("changes:change", args=[change.pk])))


def test_approver_sees_full_names_and_access_before_and_after_x1(
    as_person: Callable[[User], Client], approver: User, requester: User, propose: Callable[..., Proposal], listed: None
) -> None:
    words = page_words(as_person, approver, grant(propose, requester, "alices", "nobody-knows"))
    assert "Alice Santos (alices) no access can edit" in words
    assert "nobody-knows Not in Segura's directory no access can edit" in words
    assert "People who can edit: 1 now, 3 after. + alices, nobody-knows" in words


def test_submitted_event_and_page_keep_the_full_names_of_the_proposal_x2(
    as_person: Callable[[User], Client], approver: User, requester: User, propose: Callable[..., Proposal], listed: None
) -> None:
    change = grant(propose, requester, "alices", "nobody-knows")
    DirectoryName.objects.filter(name="alices").update(display_name="Alice Renamed")
    DirectoryName.objects.filter(name="pduarte").delete()
    assert "Alice Santos (alices)" in page_words(as_person, approver, change)
    data = json.loads(Event.objects.get(action="change.submitted").text)["data"]
    assert data["full_names"]["users_allowed"]["alices"] == "Alice Santos"
    assert data["unknown_names"] == {"users_allowed": ["nobody-knows"]}


def test_without_a_directory_sign_in_names_are_shown_x3(
    as_person: Callable[[User], Client], approver: User, requester: User, propose: Callable[..., Proposal]
) -> None:
    change = grant(propose, requester, "alices")
    words = page_words(as_person, approver, change)
    assert "alices no access can edit" in words
    assert "Not in Segura's directory" not in words
    assert "full_names" not in json.loads(Event.objects.get(action="change.submitted").text)["data"]
