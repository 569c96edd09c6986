"""A client secret goes into the form and never comes out again, whatever the browser is made to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.rig.desk import Person
from tests.rig.markers import Marker, Source, search

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.shows("S07")]

STORAGES = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, history.state, document.cookie, await caches.keys(),
    (await indexedDB.databases()).map(each => each.name)])"""


@dataclass
class Watch:
    """All that came to the browser, what it keeps, and the value that may be in none of it."""

    page: Page
    value: Marker = field(default_factory=lambda: Marker.new("typed into the form"))
    answers: list[Source] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.route("**/*", self._carry)

    def type(self) -> None:
        """Choose to enter a new value, and type it."""
        self.page.locator("[name=secret_mode][value=enter]").check()
        self.page.locator("[name=client_secret]").fill(self.value)

    def expect_empty(self) -> None:
        """The field is on the page, with nothing in it; nor is the value anywhere in the page."""
        expect(self.page.locator("[name=client_secret]")).to_have_value("")
        assert not search([("page", self.page.content().encode())], [self.value])

    def expect_nothing_kept(self) -> None:
        """No response held the value, and no storage of the browser does."""
        stored = [("the browser's storages", self.page.evaluate(STORAGES).encode())]
        stored.append(("the browser's profile", json.dumps(self.page.context.storage_state()).encode()))
        assert len(self.answers) >= 4
        assert search([*self.answers, *stored], [self.value]) == []

    def _carry(self, route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        headers = json.dumps(answer.headers_array)
        self.answers.append((f"{route.request.method} {answer.url}", headers.encode() + answer.body()))
        with suppress(Error):  # the page that asked, for news of its change, say, is gone
            route.fulfill(response=answer)


def test_value_is_shown_nowhere_after_an_invalid_form_back_edit_swap_and_restored_history(
    sign_in: Callable[..., Person],
) -> None:
    requester = sign_in("requester")
    page = requester.go("/secrets/12/propose/")
    watch = Watch(page)

    watch.type()
    page.get_by_role("button", name="Review changes").last.click()  # without a reason
    expect(page.get_by_text("Enter a reason").first).to_be_visible()
    watch.expect_empty()
    assert [each for each in requester.complaints if "422" not in each] == []
    requester.complaints.clear()  # Chromium's own word on a refused form

    watch.type()
    page.locator("button[value^='rows:']").first.click()  # more rows, by htmx where the page does so
    expect(page.locator("[name=client_secret]")).to_have_value("")
    watch.expect_empty()

    watch.type()
    page.locator("[name=reason]").fill("It is due")
    requester.preview()
    page.go_back()
    watch.expect_empty()
    page.go_forward()
    expect(page.get_by_role("button", name="Submit for approval")).to_be_visible()
    page.get_by_role("button", name="Back to editing").click()
    watch.expect_empty()

    requester.preview()
    change = requester.submit()
    page.go_back()
    assert not search([("page", page.content().encode())], [watch.value])
    requester.go(f"/changes/{change}/revise/")
    watch.expect_empty()
    requester.go("/secrets/12/")
    page.go_back()
    watch.expect_empty()
    watch.expect_nothing_kept()


def test_value_is_not_in_the_queue_of_the_approver_nor_in_its_restored_history(
    sign_in: Callable[..., Person],
) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    watch = Watch(approver.page)
    one = requester.propose(14, value=watch.value)
    two = requester.propose(15, value=watch.value)
    page = approver.go(f"/queue/?open={one}")
    for number in (two, one):
        page.get_by_role("link", name=f"CR-{number}").first.click()
        expect(page.locator("#panel-title")).to_contain_text(f"CR-{number}")
    page.go_back()
    expect(page.locator("#panel-title")).to_be_visible()
    approver.go(f"/changes/{one}/")
    page.go_back()
    watch.expect_nothing_kept()
