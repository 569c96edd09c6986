"""Rows that are not as agreed are left out one by one and named; a list that lacks much is not believed unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.catalog import directory
from portal.catalog.models import ApiSecret, DirectoryName
from portal.catalog.sync import sync_catalog
from portal.sandbox import Sandbox
from tests.catalog.test_sync import LISTED, _list
from tests.operations.test_pages_delivery import text_of
from tests.segura import events

pytestmark = pytest.mark.django_db
GOOD = {"need_justify": "0", "need_approval": "0", "can_view": True, "can_write": True}


def row(identifier: Any, name: Any = "fine", **more: Any) -> dict[str, Any]:
    return {"identifier": identifier, "name": name, **GOOD, **more}


ODD = [
    None, 7, "text", [], {}, row(None), row(0), row("007"), row(-5), row(1.5), row(True), row("12a"), row(""),
    row([12]), row("9" * 19), row(2**63), row("9" * 400), row("٣"), row(12, {"x": 1}), row(12, ["n"]), row(12, False),
    row(900, "a second one of this number"),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: json.dumps(odd)[:40])
def test_odd_row_is_named_and_all_others_are_mirrored(
    odd: Any, segura: Sandbox, as_person: Callable[[User], Client], requester: User
) -> None:
    sync_catalog()
    segura.control.plan(endpoint="list", body=_list([row("900", "new one"), odd, row("901")]))
    done = sync_catalog()
    assert (done.listed, done.added, done.left_out) == (2, 2, 1)
    assert ApiSecret.objects.get(pk=900).name == "new one"
    assert not ApiSecret.objects.unlisted().exists(), "the row may be any of those that are missing"
    assert done.odd[0].startswith("2: ")
    assert events("catalog.synced")[-1]["data"]["left_out"] == 1
    page = text_of(as_person(requester).get(reverse("catalog:secrets")))
    assert "1 row of Segura's list could not be read and was left out." in page
    assert done.odd[0] in page


def test_list_of_odd_rows_alone_is_not_believed(segura: Sandbox) -> None:
    sync_catalog()
    segura.control.plan(endpoint="list", body=_list([None, {}]))
    done = sync_catalog()
    assert (done.ok, done.kind) == (False, "unreadable")
    assert not ApiSecret.objects.unlisted().exists()


@pytest.mark.parametrize(
    ("missing", "percent", "believed"),
    [(1, 0, True), (4, 20, True), (5, 20, False), (12, 50, False), (12, 60, True), (2, 0, False), (22, 99, True)],
)
def test_list_that_lacks_much_is_believed_when_an_operator_says_so(
    missing: int, percent: int, believed: bool, segura: Sandbox, settings: Settings
) -> None:
    settings.CATALOG_VANISHED_MOST_PERCENT = percent
    sync_catalog()
    kept = list(ApiSecret.objects.order_by("pk"))[missing:]
    body = _list([*(row(str(secret.pk), secret.name) for secret in kept), row("900", "new one")])
    segura.control.plan(endpoint="list", body=body, times=None)
    done = sync_catalog()
    assert (done.ok, done.kind) == ((True, "") if believed else (False, "shrunk"))
    assert ApiSecret.objects.unlisted().count() == (missing if believed else 0)
    assert ApiSecret.objects.filter(pk=900).exists(), "what is new is taken over all the same"
    if not believed:
        assert f"{missing} of {LISTED}" in done.sentence
        call_command("sync_catalog", "--accept-vanished")
        assert ApiSecret.objects.unlisted().count() == missing


@pytest.mark.parametrize(
    ("listed", "option"), [(0, "--accept-empty"), (1, "--accept-vanished"), (11, "--accept-vanished")]
)
def test_administrator_reads_which_command_confirms_a_list_that_shrank(
    listed: int, option: str, segura: Sandbox, as_person: Callable[[User], Client], admin: User
) -> None:
    sync_catalog()
    kept = [row(str(secret.pk), secret.name) for secret in ApiSecret.objects.order_by("pk")[:listed]]
    segura.control.plan(endpoint="list", body=_list(kept), times=None)
    sync_catalog()
    browser = as_person(admin)
    for address in ("operations:connection", "catalog:secrets"):
        assert f"manage.py sync_catalog {option}" in text_of(browser.get(reverse(address)))
    browser.post(reverse("catalog:synchronise"))
    sync_catalog()
    assert not ApiSecret.objects.unlisted().exists(), "the button confirms nothing"


ENTRIES: list[Any] = [None, 7, {}, {"userName": ""}, {"userName": 5}, {"userName": "x" * 501}, {"userName": "a\u202eb"},
                      {"userName": "bia", "active": "yes"}, {"userName": "bia", "displayName": ["B"]}]  # fmt: skip


@pytest.mark.parametrize("odd", ENTRIES, ids=lambda odd: json.dumps(odd)[:40])
def test_odd_entry_of_the_directory_is_named_and_all_others_are_offered(
    odd: Any, scim: Sandbox, as_person: Callable[[User], Client], admin: User
) -> None:
    directory.sync_directory(at_once=True)
    before = DirectoryName.objects.count()
    page = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 3, "startIndex": 1,
        "Resources": [{"userName": "new.one"}, odd, {"userName": "new.two"}],
    }  # fmt: skip
    scim.control.plan(endpoint="scim_users", body=json.dumps(page))
    done = directory.sync_directory(at_once=True)
    assert done is not None
    assert (done.ok, done.left_out) == (True, 1)
    assert DirectoryName.objects.filter(name__in=["new.one", "new.two"]).count() == 2
    assert DirectoryName.objects.count() == before + 2, "nobody is forgotten meanwhile"
    shown = text_of(as_person(admin).get(reverse("operations:connection")))
    assert "1 entry of the directory could not be read and was left out." in shown
    assert done.odd[0] in shown
