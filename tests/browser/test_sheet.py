"""A sheet is a dialog over the page; without JavaScript it is a section to which its opener leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.template import Context, Template
from playwright.sync_api import Browser, Page, Route, expect

from tests.rig.portal import ROOT

pytestmark = pytest.mark.browser

SITE = "http://sheets.example"
PAGE = """{% load portal_ui static %}<!DOCTYPE html><html lang="en"><title>Sheets</title>
<link rel="stylesheet" href="/static/vendor/bootstrap/bootstrap.min.css">
<link rel="stylesheet" href="/static/theme/tokens.css"><link rel="stylesheet" href="/static/theme/sheet.css">
<main id="main"><p style="height: 120rem"><a href="#reject" data-opens-sheet>Reject</a></p>
{% sheet "reject" "Reject CR-7" shown=shown %}
<form><textarea name="reason"></textarea><button>Reject now</button>{% include "_sheet_cancel.html" %}</form>
{% endsheet %}</main><script type="module" src="/static/sheet.js"></script></html>"""
OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`open_page(path="/", shown=False, **options)`: a page with a sheet, in a browser of its own."""
    contexts = []

    def build(path: str = "/", *, shown: bool = False, **options: object) -> Page:
        def serve(route: Route) -> None:
            if "/static/" in route.request.url:
                route.fulfill(path=ROOT / route.request.url.removeprefix(f"{SITE}/"))
            else:
                route.fulfill(body=Template(PAGE).render(Context({"shown": shown})), content_type="text/html")

        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", serve)
        page.goto(SITE + path)
        return page

    yield build
    for context in contexts:
        context.close()


def test_sheet_opens_over_the_page_and_escape_returns_the_focus(open_page: OpenPage) -> None:
    page = open_page()
    sheet = page.get_by_role("dialog", name="Reject CR-7")
    expect(sheet).to_be_hidden()
    page.get_by_role("link", name="Reject").press("Enter")
    expect(sheet).to_be_visible()
    expect(sheet).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("link", name="Reject")).to_be_focused()


@pytest.mark.parametrize("key", [" ", "Enter"])
def test_cancel_closes_the_sheet_and_keeps_what_was_typed(key: str, open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("link", name="Reject").click()
    page.locator("textarea").fill("Not this host")
    page.get_by_role("button", name="Cancel").press(key)
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("link", name="Reject").click()
    expect(page.locator("textarea")).to_have_value("Not this host")


def test_sheet_of_a_refused_form_opens_with_the_page(open_page: OpenPage) -> None:
    expect(open_page(shown=True).get_by_role("dialog")).to_be_visible()


def test_address_that_names_a_sheet_opens_it(open_page: OpenPage) -> None:
    expect(open_page("/#reject").get_by_role("dialog")).to_be_visible()


def test_sheet_stands_at_the_bottom_of_a_phone(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    page.get_by_role("link", name="Reject").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 390, 844)


def test_sheet_is_a_section_without_javascript(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_role("link", name="Reject").click()
    expect(page.get_by_role("button", name="Reject now")).to_be_in_viewport()


def test_sheet_is_a_section_if_its_script_does_not_load(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/sheet.js", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("link", name="Reject").click()
    expect(page.get_by_role("button", name="Reject now")).to_be_in_viewport()
