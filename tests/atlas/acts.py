"""What people do on a page before it is looked at; nothing of it stays in the database, wrong guesses excepted."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin

from playwright.sync_api import Page

Act = Callable[[Page], None]


def refused(button: str, **typed: str) -> Act:
    """Fill fields by their names and press this button; the page then says what was wrong."""

    def act(page: Page) -> None:
        for field, text in typed.items():
            page.locator(f"main [name={field}]").first.fill(text)
        page.locator(f"main {button}").last.click()
        page.locator("main :is([role=alert], [aria-invalid=true])").first.wait_for()

    return act


def opened(place: str) -> Act:
    """Open what is folded there."""
    return lambda page: page.locator(f"{place} > summary").first.click()


def refused_pause(page: Page) -> None:
    """Open the sheet that pauses delivery, and send it without a reason."""
    page.locator("a[href='#pause-delivery']").click()
    refused("#pause-delivery button[type=submit]")(page)


def refused_rejection(page: Page) -> None:
    """Open the sheet that rejects a change, and send it without a reason."""
    page.locator("#decide [id^=reject-]").click()
    refused("#reject-sheet .sheet-acts button")(page)


def refused_resolution(page: Page) -> None:
    """Open the sheet that resolves a change manually, and send it empty."""
    page.locator("#resolve").click()
    refused("#resolve-sheet .sheet-acts button")(page)


def preview(page: Page) -> None:
    """A proposal with everything an approver has to look at."""
    page.locator("[name=url]").fill("http://sms.example/")
    page.locator("[name=secret_mode][value=generate]").check()
    page.locator("[name^=users_allowed-][name$=-name][type=text]").first.fill("rcosta")
    page.locator("[name^=users_allowed-][name$=-access]:has([value=view]:checked)").first.select_option("edit")
    page.locator("[name=reason]").fill("Payments move to the EU endpoint")
    with page.expect_navigation():
        page.locator("button[value=preview]").last.click()


def preview_strangers(page: Page) -> None:
    """Share with somebody whom Segura's directory lacks."""
    page.locator("[name^=users_allowed-][name$=-name][type=text]").first.fill("rcsota")
    page.locator("[name=reason]").fill("Rafael takes over")
    with page.expect_navigation():
        page.locator("button[value=preview]").last.click()


def strangers(page: Page) -> None:
    """Share with somebody and with a group that Segura's directory lacks, and forget to say why."""
    page.locator("[name^=users_allowed-][name$=-name][type=text]").first.fill("rcsota")
    page.locator("[name^=groups_allowed-][name$=-name][type=text]").first.fill("My own group")
    refused("button[value=preview]")(page)
    page.locator("[data-strangers]:visible").first.wait_for()


def bulk(page: Page) -> None:
    """Choose two, and reject them without a reason."""
    for box in page.locator("[name=picks]").all()[:2]:
        box.check()
    refused("button[value=reject]")(page)


def key_sheet(page: Page) -> None:
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()


def goes_to(path: str) -> Act:
    """Go on to that address."""
    return lambda page: _to_problem(page, lambda: page.goto(urljoin(page.url, path)))


def many_attempts(page: Page) -> None:
    """Guess until the portal makes a pause for this name: it takes five guesses."""
    for _guess in range(6):
        page.locator("[name=login]").fill("requester")
        page.locator("[name=password]").fill("a guess")
        with page.expect_navigation():
            page.locator("form:has([name=password]) button").last.click()


def without_cookie(page: Page) -> None:
    """Sign in with a form whose cookie is gone."""
    page.context.clear_cookies(name="csrf")
    page.locator("[name=login]").fill("requester")
    page.locator("[name=password]").fill("a guess")
    _to_problem(page, page.locator("form:has([name=password]) button").last.click)


def whole_log(page: Page) -> None:
    """Paste three megabytes into the notes, and send them past the script that would keep them back."""
    notes = page.locator("[name=notes]")
    notes.evaluate("(notes) => { notes.value = 'a line of a log\\n'.repeat(200_000); }")
    _to_problem(page, lambda: notes.evaluate("(notes) => notes.form.submit()"))


def from_an_old_page(page: Page) -> None:
    """Approve in a tab that has been open since the revision before."""
    page.locator("main [name=revision]").evaluate_all("(all) => all.forEach((kept) => { kept.value = 1; })")
    refused("button[id^=approve-]")(page)


def _to_problem(page: Page, step: Callable[[], object]) -> None:
    """Take a step that ends at a page of its own, which says what is wrong."""
    step()
    page.locator("#problem").wait_for()
