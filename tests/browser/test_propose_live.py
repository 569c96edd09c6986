"""What will change, shown while it is typed; without JavaScript the review shows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

SECRET = 29


@pytest.fixture
def known(segura: Control) -> None:
    users, groups = {"pduarte": False, "tnakamura": True}, {"Platform": False}
    segura.edit(SECRET, url="https://one.example/v1", notes="First line", users_allowed=users, groups_allowed=groups)


def find_fields(page: Page) -> list[list[str]]:
    """Each field of the live difference with what it says."""
    sections = page.locator("#live .diff-field").all()
    return [
        [part.inner_text().replace("\n", "") for part in section.locator("h3, del, ins, .diff-none, .powers li").all()]
        for section in sections
    ]


def test_difference_and_access_are_shown_while_they_are_typed(known: None, sign_in: Callable[..., Person]) -> None:
    page = sign_in("requester").go(f"/secrets/{SECRET}/propose/")
    status = page.locator("#live-count")
    expect(status).to_have_text("No edits yet.")
    page.locator("[name=url]").fill("https://two.example/v1 ")
    expect(page.locator("#live .diff-old mark")).to_have_text("one")
    page.locator("[name=notes]").fill("")
    page.get_by_label("Access of pduarte").select_option("edit")
    page.get_by_label("Access of tnakamura").select_option("remove")
    new = page.locator("[name=groups_allowed-1-name]")
    new.fill("<b>Ops</b>")
    expect(status).to_have_text("4 fields change")
    assert find_fields(page) == [
        ["URL", "Old:https://one.example/v1", "New:https://two.example/v1␣"],
        ["Notes", "Old:First line", "Emptied"],
        [
            "Users allowed",
            "pduarte gains the right to edit and disable this secret.",
            "tnakamura loses all access, and with it the right to edit and disable this secret.",
        ],
        ["Groups allowed", "Everybody in group <b>Ops</b> gains the right to view this secret."],
    ]
    page.locator("[name=url]").fill("https://one.example/v1")
    page.get_by_label("Access of pduarte").select_option("view")
    page.get_by_label("Access of tnakamura").select_option("edit")
    new.fill("")
    expect(status).to_have_text("1 field changes")


def test_live_difference_equals_the_one_of_the_review_mark_for_mark_p6(
    known: None, sign_in: Callable[..., Person]
) -> None:
    person = sign_in("requester")
    page = person.go(f"/secrets/{SECRET}/propose/")
    page.locator("[name=url]").fill("https://one.example:8080/v2")
    page.locator("[name=notes]").fill("Last line\n\nand another")
    page.get_by_label("Access of pduarte").select_option("edit")
    expect(page.locator("#live-count")).to_have_text("3 fields change")
    expect(page.locator("#live .powers li")).to_have_count(1)
    live = page.locator("#live .diff").inner_html()
    page.get_by_label("Reason").fill("pduarte looks after it")
    person.preview()
    assert "<mark>" in live
    assert page.locator(".diff").inner_html() == live


def test_typed_client_secret_stays_in_the_browser_until_the_review(known: None, sign_in: Callable[..., Person]) -> None:
    page = sign_in("requester").go(f"/secrets/{SECRET}/propose/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    expect(page.locator("#live .diff-field")).to_have_count(0)
    page.get_by_label("Enter a new value").check()
    page.locator("[name=client_secret]").fill("cAnArY-typed")
    page.locator("[name=tags]").fill("typed-after-it")
    expect(page.locator("#live .diff-field")).to_have_count(2)
    assert find_fields(page)[0] == ["Client secret", "Current value, not shown", "New:New value set, not shown"]
    assert "cAnArY" not in page.locator("#live").inner_html()
    assert any("typed-after-it" in body for body in sent)
    assert not [body for body in sent if "cAnArY" in body]


def test_first_field_with_an_error_has_the_focus_and_what_was_typed_is_still_told(
    known: None, sign_in: Callable[..., Person]
) -> None:
    person = sign_in("requester")
    context = person.context.browser.new_context(storage_state=person.context.storage_state())  # type: ignore[union-attr]
    page = context.new_page()  # a refused page is a line in the console
    page.goto(f"{person.url}/secrets/{SECRET}/propose/")
    page.locator("[name=tags]").fill("kept, as typed")
    page.get_by_role("button", name="Review changes").last.click()
    expect(page.locator("[name=reason]")).to_be_focused()
    expect(page.locator("[name=tags]")).to_have_value("kept, as typed")
    expect(page.locator("#live .diff-field h3")).to_have_text(["Tags"])
    context.close()


def test_without_javascript_there_is_no_empty_box(known: None, sign_in: Callable[..., Person]) -> None:
    person = sign_in("requester", java_script_enabled=False)
    page = person.go(f"/secrets/{SECRET}/propose/")
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("[name=url]")).to_have_value("https://one.example/v1")


def test_name_that_the_directory_lacks_is_told_of_as_soon_as_it_is_typed(
    known: None, sign_in: Callable[..., Person]
) -> None:
    page = sign_in("requester").go(f"/secrets/{SECRET}/propose/")
    warning, name = page.locator("#users_allowed-edit [data-strangers]"), page.locator("[name=users_allowed-2-name]")
    name.fill("rcsota")
    name.blur()
    expect(warning).to_contain_text("Not among the active users of Segura's directory: rcsota")
    name.fill("rcosta")
    name.blur()
    expect(warning).to_be_hidden()


def test_three_letters_of_a_full_name_offer_the_person_p3(known: None, sign_in: Callable[..., Person]) -> None:
    person = sign_in("requester")
    page = person.go(f"/secrets/{SECRET}/propose/")
    field, offered = page.locator("[name=users_allowed-2-name]"), page.get_by_role("listbox").get_by_role("option")
    field.press_sequentially("sou")
    expect(offered).to_have_text(["Alice Souza alices"])
    expect(field).to_have_attribute("aria-expanded", "true")
    # What the open list lies over is not pressed meanwhile, so its size does not matter.
    assert [found for found in findings(page) if "target-size" not in found] == []
    field.press("Escape")
    expect(offered).to_have_count(0)
    field.fill("")
    field.press_sequentially("SOU")
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-0")
    field.press("Enter")
    expect(field).to_have_value("alices")
    expect(offered).to_have_count(0)
    expect(page.locator("#live .powers li")).to_contain_text("alices gains the right to view")
    expect(page.locator("#users_allowed-edit [data-strangers]")).to_be_hidden()
    second = page.locator("[name=users_allowed-3-name]")
    second.press_sequentially("ali")
    offered.first.click()
    expect(second).to_have_value("alices")


def test_name_of_a_person_is_a_plain_field_without_javascript_p3(known: None, sign_in: Callable[..., Person]) -> None:
    person = sign_in("requester", java_script_enabled=False)
    page = person.go(f"/secrets/{SECRET}/propose/")
    field = page.locator("[name=users_allowed-2-name]")
    assert field.get_attribute("list") == "known-users_allowed"
    assert page.locator("#known-users_allowed option[value=alices]").text_content() == "Alice Souza"
    field.fill("alices")
    page.get_by_label("Reason").fill("Alice looks after it")
    person.preview()
    expect(page.locator(".diff")).to_contain_text("alices")
