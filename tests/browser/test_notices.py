"""The inbox in Chromium: the count comes by itself, reading needs no script, and a mail can be read by everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from playwright.sync_api import Browser, Locator, expect

from portal.notifications.routing import NOTIFICATION_TYPES
from tests.browser.test_accessibility import LONG_NAME, findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]


def arrives(person: Person, change: int) -> Locator:
    """The line of that change in the inbox of somebody who is told of it within seconds."""
    line = person.page.locator(".notices > li", has_text=re.compile(rf"CR-{change}\b"))
    for _ in range(40):
        person.go("/notifications/")
        if line.count():
            break
        person.page.wait_for_timeout(250)
    return line


def comment(person: Person, change: int, text: str) -> None:
    person.go(f"/changes/{change}/").locator("#say [name=text]").fill(text)
    person.page.get_by_role("button", name="Comment").click()
    expect(person.page.locator("#main")).to_contain_text(text)


def test_the_count_of_an_open_page_follows_what_happens(sign_in: Callable[..., Person]) -> None:
    requester, approver, witness = sign_in("requester"), sign_in("approver"), sign_in("approver")
    change = requester.propose(22, tags="crm, told")
    approver.page.clock.install()
    page = approver.go("/changes/")
    before = page.locator(".top .unread").inner_text()
    comment(requester, change, "@approver told by a comment")
    expect(arrives(witness, change)).to_have_count(1)
    assert page.locator(".top .unread").inner_text() == before
    page.clock.run_for(31_000)
    expect(page.locator(".top .unread")).not_to_have_text(before)
    expect(page.locator("#unread-watch")).to_have_attribute("hx-get", re.compile(r"seen=\d+"))


def test_notices_are_read_without_a_script(sign_in: Callable[..., Person]) -> None:
    requester, approver = sign_in("requester"), sign_in("approver2", java_script_enabled=False)
    change = requester.propose(25, tags="told, plainly")
    comment(requester, change, "@approver2 told plainly")
    line, page = arrives(approver, change), approver.page
    line.locator(".notice-menu > summary").click()
    line.get_by_role("button", name="Mark as read").click()
    expect(page).to_have_url(re.compile("/notifications/$"))
    expect(line).to_have_count(1)
    expect(line.locator(".notice-menu")).to_have_count(0)
    second = requester.propose(26, tags="told, once more")
    comment(requester, second, "@approver2 told once more")
    expect(arrives(approver, second).locator(".notice-menu")).to_have_count(1)
    page.get_by_role("button", name="Mark all as read").click()
    page.get_by_role("link", name="Unread").click()
    expect(page.locator("#main")).to_contain_text("Nothing new")


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_a_mail_is_accessible_and_fits_a_phone(language: str, browser: Browser) -> None:
    """As mail readers show it: no page of the portal."""
    page = browser.new_context().new_page()
    page.set_content(mail(language))
    found = findings(page)
    page.context.close()
    assert found == []


def mail(language: str) -> str:
    """The mail of several kinds at once, of a secret with a long name."""

    class Told:
        def __init__(self, kind: str) -> None:
            self.about, self.at = NOTIFICATION_TYPES[kind], timezone.now()
            self.change = {"pk": 7, "number": "CR-7"}

    with translation.override(language):
        lines = [
            {
                "notice": Told(kind),
                "title": NOTIFICATION_TYPES[kind].title,
                "said": str(NOTIFICATION_TYPES[kind].said)
                % {"number": "CR-7", "secret": LONG_NAME[:120], "by": "Rita Requester"},
            }
            for kind in ("waiting", "rejected", "escalated")
        ]
        context = {"person": {"display_name": "Ana"}, "lines": lines, "url": settings.BASE_URL, "subject": "CR-7"}
        return cast(str, render_to_string("notifications/mail.html", context))
