"""The difference is the same markup wherever a change is shown, and needs no JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.models import Change
from portal.sandbox import Sandbox
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
