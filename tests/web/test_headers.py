"""The content policy and its sisters: on every answer there is, whoever asks and whatever went wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from portal.accounts.limits import LimitReached
from portal.urls import handler400, handler500  # noqa: F401 - this module stands in for that one
from portal.urls import urlpatterns as portal_urls
from tests.web.cast import Cast, undone
from tests.web.served import Served
from tests.web.test_permission_matrix import KNOWN, TABLE

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W11")]

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "manifest-src": "'self'",
}
SISTERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a detail nobody should read")


def lose(_request: HttpRequest) -> HttpResponse:
    raise OperationalError("a detail nobody should read")


def misread(_request: HttpRequest) -> HttpResponse:
    raise BadRequest("a detail nobody should read")


def hurry(_request: HttpRequest) -> HttpResponse:
    raise LimitReached(5, timedelta(minutes=1), timedelta(seconds=61))


urlpatterns = [
    path("fail/", fail),
    path("lose/", lose),
    path("misread/", misread),
    path("hurry/", hurry),
    *portal_urls,
]


def lacking(headers: Any) -> list[str]:
    """What is missing or different in these headers."""
    policy = dict(part.strip().split(" ", 1) for part in headers.get("Content-Security-Policy", "- -").split(";"))
    return [name for name in POLICY if policy.get(name) != POLICY[name]] + [
        name for name in SISTERS if headers.get(name) != SISTERS[name]
    ] + sorted(policy.keys() - POLICY.keys())  # fmt: skip


def test_every_page_of_every_address_carries_them(cast: Cast) -> None:
    bare = {}
    for name, method in TABLE:
        address = next(known for known in KNOWN if known.name == name)
        for role in ("anonymous", "owner", "approver", "auditor", "operator"):
            with undone():
                cast.prepare(name)
                data = cast.told(name, role) if method == "POST" else {}
                browser = cast.browser(role)
                ask = browser.post if method == "POST" else browser.get
                answer = ask(address.path(**cast.numbers()), data)
                found = lacking(answer.headers)
                kept = [] if "no-store" in answer.headers.get("Cache-Control", "") else ["no-store"]
                if found + kept:
                    bare[method, name, role] = found + kept
    assert bare == {}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("code", "ask"),
    [
        (400, lambda browser: browser.get("/misread/")),
        (403, lambda browser: browser.get("/audit/")),
        (403, lambda _: Client(enforce_csrf_checks=True).post("/accounts/login/")),
        (404, lambda browser: browser.get("/nowhere/")),
        (404, lambda browser: browser.get("/static/nothing.js")),
        (404, lambda browser: browser.get("/changes/987654321/")),
        (405, lambda browser: browser.put("/changes/")),
        (413, lambda browser: browser.post("/theme/", {"f": SimpleUploadedFile("x", b"0")})),
        (429, lambda browser: browser.get("/hurry/")),
        (500, lambda browser: browser.get("/fail/")),
        (503, lambda browser: browser.get("/lose/")),
        (200, lambda browser: browser.get(staticfiles_storage.url("icons.svg"))),
        (200, lambda browser: browser.get(staticfiles_storage.url("review.js"))),
    ],
)
def test_what_goes_wrong_and_what_is_static_carries_them_too(
    cast: Cast, code: int, ask: Callable[[Client], HttpResponse]
) -> None:
    answer = ask(cast.browser("owner"))
    assert answer.status_code == code
    assert lacking(answer.headers) == []
    assert b"a detail nobody should read" not in b"".join(answer)  # type: ignore[arg-type]
    answer.close()


def test_https_portal_asks_browsers_to_stay_with_https(https_portal: Served) -> None:
    for path_ in ("/accounts/login/", "/nowhere/", "/static/favicon.svg", "/static/nothing.js"):
        answer = https_portal.ask("GET", path_)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
        assert lacking(answer.headers) == []
    refused = https_portal.ask("GET", "/accounts/login/", headers={"Host": "elsewhere.example"})
    assert refused.status_code == 400
    assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
    assert refused.headers["X-Frame-Options"] == "DENY"
