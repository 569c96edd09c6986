"""What holds for every page: strict content policy, errors that say what to do, templates without inline code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.urls import path

from portal.accounts.decorators import require_rights
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import Status
from portal.urls import urlpatterns as portal_urls
from portal.web.templatetags import portal_ui

MAIL = "mail.html"  # no policy of ours reaches it, and mail readers know no other style than its own
TEMPLATES = sorted(path for path in (settings.BASE_DIR / "templates").rglob("*.html") if path.name != MAIL)
SPRITE = (settings.BASE_DIR / "static" / "icons.svg").read_text()


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a detail nobody should read")


def misread(request: HttpRequest) -> HttpResponse:
    raise BadRequest("a detail nobody should read")


@require_rights(Right.AUDIT, Right.OPERATE)
def closed(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


urlpatterns = [path("fail/", fail), path("misread/", misread), path("closed/", closed), *portal_urls]


@pytest.fixture
def browser(requester: User, as_person: Callable[[User], Client]) -> Client:
    client = as_person(requester)
    client.raise_request_exception = False
    return client


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "code", "says"),
    [
        ("/fail/", 500, "tell an administrator the time"),
        ("/misread/", 400, "send it again"),
        ("/nowhere/", 404, "Page not found"),
        ("/closed/", 403, "This page needs the role Administrators, Auditors."),
        ("/theme/", 405, "Go back to the page with the form"),
    ],
)
def test_error_page_says_what_to_do_and_gives_nothing_away(browser: Client, address: str, code: int, says: str) -> None:
    response = browser.get(address)
    page = response.content.decode()
    assert response.status_code == code
    assert says in unescape(page)
    assert 'id="problem"' in page, "htmx shows this part on the page where it happened"
    assert "a detail nobody should read" not in page
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "theme/tokens" in page


@pytest.mark.django_db
def test_form_without_a_token_says_to_open_the_page_again() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {})
    assert response.status_code == 403
    assert "Open the page again" in response.content.decode()
    assert "Content-Security-Policy" in response.headers


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/inactive/"])
def test_page_for_anyone_carries_the_content_policy(client: Client, address: str) -> None:
    policy = client.get(address).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy


@pytest.mark.parametrize("address", ["/accounts/password/change/", "/accounts/logout/", "/accounts/reauthenticate/"])
def test_page_of_the_signed_in_is_drawn_by_the_portal(browser: Client, address: str) -> None:
    response = browser.get(address)
    assert response.status_code == 200
    assert "Content-Security-Policy" in response.headers
    assert 'class="framed"' in response.content.decode()


@pytest.mark.django_db
def test_htmx_is_told_to_stay_within_the_content_policy_and_to_show_refusals(client: Client) -> None:
    page = client.get("/accounts/login/").content.decode()
    found = re.search(r'name="htmx-config"\s+content=\'([^\']+)\'', page)
    assert found
    config = json.loads(found[1])
    assert {key: config[key] for key in ("includeIndicatorStyles", "allowEval", "allowScriptTags")} == {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "allowScriptTags": False,
    }
    assert config["historyCacheSize"] == 0

    def rule(status: int) -> dict[str, object]:
        return next(rule for rule in config["responseHandling"] if re.search(rule["code"], str(status)))

    assert rule(200)["swap"]
    assert not rule(204)["swap"]
    for shown_in_place in (409, 422):
        assert rule(shown_in_place) == {"code": "409|422", "swap": True}
    for shown_as_message in (400, 403, 404, 429, 500, 502):
        assert rule(shown_as_message)["target"] == "#messages"


@pytest.mark.shows("W11")
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_template_has_no_inline_code(template: Path) -> None:
    text = re.sub(r"\{%.*?%\}", "", template.read_text())  # names within tags of Django are no attributes
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text), "an inline handler"
    assert "hx-on" not in text
    assert "javascript:" not in text
    assert not re.search(r"""hx-(vals|headers)=["']js:|srcdoc|<base\b|<iframe|<object|<embed""", text)
    assert "|safe" not in text
    assert "autoescape off" not in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_template_names_only_icons_of_the_sprite(template: Path) -> None:
    for name in re.findall(r'{% icon "([^"]+)" %}', template.read_text()):
        assert f'<symbol id="{name}"' in SPRITE


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_shape_of_its_own(status: Status) -> None:
    name = portal_ui.STATUS_ICONS[status]
    assert f'<symbol id="{name}"' in SPRITE
    assert list(portal_ui.STATUS_ICONS.values()).count(name) == 1
    drawn = portal_ui.badge(status, status.label)
    assert f'data-status="{status}"' in drawn
    assert str(status.label) in drawn


def test_response_code_pill_escapes_nothing_away() -> None:
    assert portal_ui.response_code(409) == '<span class="code code-4xx">409</span>'
    assert "no answer" in portal_ui.response_code(None)
    assert "&lt;b&gt;" in portal_ui.badge("pending", "<b>")


def test_problem_page_stands_without_a_request() -> None:
    page = render_to_string("400.html")
    assert 'data-bs-theme="auto"' in page
    assert "csrf" not in page
