"""The time zone of pages: the person's own, else the browser's, else UTC."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.models import Change

pytestmark = pytest.mark.django_db
Open = Callable[[User], Client]


def shown(browser: Client, change: Change) -> str:
    return str(browser.get(f"/changes/{change.pk}/").content.decode())


def test_who_chose_no_time_zone_reads_the_browsers(requester: User, as_person: Open, submitted: Change) -> None:
    browser = as_person(requester)
    page = shown(browser, submitted)
    assert 'data-cookie="zone"' in page
    assert " UTC</time>" in page
    browser.cookies["zone"] = "America/Sao_Paulo"
    assert " -03</time>" in shown(browser, submitted)


def test_own_choice_comes_before_what_the_browser_says(requester: User, as_person: Open, submitted: Change) -> None:
    User.objects.filter(pk=requester.pk).update(time_zone="Asia/Tokyo")
    browser = as_person(requester)
    browser.cookies["zone"] = "America/Sao_Paulo"
    page = shown(browser, submitted)
    assert " JST</time>" in page
    assert "timezone.js" not in page


@pytest.mark.parametrize("told", ["../../etc/passwd", "America", "/etc/localtime", "Nowhere/Land", "x" * 3000, "\x00"])
def test_what_is_no_time_zone_is_utc(requester: User, as_person: Open, submitted: Change, told: str) -> None:
    browser = as_person(requester)
    browser.cookies["zone"] = told
    assert " UTC</time>" in shown(browser, submitted)


def test_the_log_says_utc_whatever_the_browser_says(auditor: User, as_person: Open, submitted: Change) -> None:
    browser = as_person(auditor)
    browser.cookies["zone"] = "America/Sao_Paulo"
    page = browser.get(f"/audit/changes/{submitted.pk}/").content.decode()
    assert "UTC" in page
    assert " -03" not in page


def test_an_instant_in_a_sentence_is_whole_when_pointed_at(requester: User, as_person: Open, submitted: Change) -> None:
    page = shown(as_person(requester), submitted)
    instant = submitted.expires_at
    assert instant is not None
    whole = f'<time datetime="{instant.isoformat(timespec="milliseconds")}" title="{instant:%Y-%m-%d %H:%M:%S} UTC">'
    assert f"It expires at {whole}" in page
