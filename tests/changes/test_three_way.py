"""Values at three times: proposed against, proposed, and found in Segura by the reading that stopped the change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change, Status, StatusCause, StoredReading
from portal.changes.workflow import manual_resolution
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changing import work
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]

Approved = Callable[..., Change]
AsPerson = Callable[[User], Client]
THIRD = "https://third.example"


@pytest.fixture
def stuck(segura: Sandbox, approved: Approved) -> Change:
    """A change whose secret holds a third URL after a call of unknown outcome."""
    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    segura.control.edit(43, url=THIRD)
    assert (work(change, rounds=3).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.THIRD_VALUE)
    return change


def stale(segura: Sandbox, approved: Approved, **patch: str) -> Change:
    change = approved(**patch)
    segura.control.edit(43, url=THIRD)
    assert work(change).status == Status.STALE
    return change


def page_of(browser: Client, change: Change) -> str:
    response = browser.get(reverse("changes:change", args=[change.pk]))
    found = re.search(r'<table class="rows three-way">.*?</table>', response.content.decode(), re.DOTALL)
    response.content = found[0].encode() if found else b""
    return text_of(response)


HEAD = "Field When proposed Proposed In Segura when read"


def test_administrator_sees_the_three_values_of_a_stuck_change_w1(
    as_person: AsPerson, admin: User, stuck: Change
) -> None:
    assert page_of(as_person(admin), stuck) == f"{HEAD} URL https://gcp.com https://gcp-eu.example {THIRD}"


def test_stuck_change_links_to_its_secret_in_segura(
    as_person: AsPerson, admin: User, stuck: Change, settings: Settings
) -> None:
    link = 'href="https://segura.example/secrets/43/edit"'
    address = reverse("changes:change", args=[stuck.pk])
    assert "Open in Segura" not in as_person(admin).get(address).content.decode()
    settings.SEGURA_UI_URL = "https://segura.example/secrets/{identifier}/edit"
    assert link in as_person(admin).get(address).content.decode()


def test_approver_and_requester_see_the_same_table_when_out_of_date_w2_r2(
    as_person: AsPerson, requester: User, approver: User, segura: Sandbox, approved: Approved
) -> None:
    change = stale(segura, approved, tags="eu")
    read = page_of(as_person(approver), change)
    assert f"URL https://gcp.com https://gcp.com {THIRD}" in read
    assert "Tags" in read
    assert page_of(as_person(requester), change) == read


def test_manual_resolution_records_the_values_seen_w3(admin: User, stuck: Change) -> None:
    manual_resolution.resolve_change(stuck.pk, by=admin, applied=False, reason="Another edit", recent_auth=PRESENT)
    data = json.loads(Event.objects.get(action="change.resolved").text)["data"]
    assert data["found"] == {"url": THIRD}
    assert data["found_at"] == StoredReading.objects.get().read_at.isoformat(timespec="milliseconds")


def test_found_client_secret_is_told_to_others_than_its_requester(
    as_person: AsPerson, requester: User, approver: User, segura: Sandbox, approved: Approved
) -> None:
    change = stale(segura, approved, value="a-new-value-1")
    assert "Client secret not shown new value same as before" in page_of(as_person(approver), change)
    assert "Client secret not shown new value not shown" in page_of(as_person(requester), change)


def test_change_that_no_reading_stopped_has_no_table(as_person: AsPerson, admin: User, approved: Approved) -> None:
    change = approved()
    Change.objects.update(status=Status.NEEDS_ATTENTION)
    assert page_of(as_person(admin), change) == ""
