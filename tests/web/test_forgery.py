"""Forms that another site sends with the person's cookies: refused on every address that takes a POST."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from tests.web.addresses import Address
from tests.web.cast import Cast, stands, undone
from tests.web.test_permission_matrix import KNOWN, TABLE, answer, name_of

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W08")]

TAKING_POSTS = [
    address
    for address in KNOWN
    if {"200", "302"} & set(TABLE.get((address.name, "POST"), {}).values()) or address.name == "account_logout"
]
"""Addresses that take a post of one of the cast; the others have tests of their own."""
PASSWORD = "a-password-of-the-test"
FORM = "application/x-www-form-urlencoded"
ELSEWHERE = "https://elsewhere.example"


def able(address: Address) -> str:
    """Somebody who would get through."""
    row = TABLE[address.name, "POST"]
    return next(role for role in row if row[role] in ("302", "200", "in") and role != "disabled" and (
        role != "anonymous" or address.name == "account_login"
    ))  # fmt: skip


class Desk:
    """A browser with its token, and the form it would send."""

    def __init__(self, cast: Cast, address: Address) -> None:
        self.role = able(address)
        self.path, self.data = address.path(**cast.numbers()), cast.told(address.name, self.role)
        self.browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.before = self.token()
        if self.role != "anonymous":
            person = cast.people[self.role]
            person.set_password(PASSWORD)
            person.save()
            self.post("/accounts/login/", {"login": person.username, "password": PASSWORD}, self.before)
            assert self.signed_in

    def token(self) -> str:
        """What the page that is open now carries."""
        self.browser.get("/accounts/login/" if "session" not in self.browser.cookies else "/accounts/password/change/")
        return self.browser.cookies[settings.CSRF_COOKIE_NAME].value

    @property
    def signed_in(self) -> bool:
        return "Location" not in self.browser.get("/accounts/password/change/").headers

    def post(self, path: str, data: dict[str, Any], token: str, **headers: str) -> Any:
        body = data | ({"csrfmiddlewaretoken": token} if token else {})
        return self.browser.post(path, urlencode(body), FORM, headers=headers, secure="Referer" in headers)

    def send(self, token: str, **headers: str) -> int:
        return int(self.post(self.path, self.data, token, **headers).status_code)


@pytest.mark.parametrize("address", TAKING_POSTS, ids=name_of)
def test_forged_post_is_refused_and_changes_nothing(cast: Cast, address: Address) -> None:
    cast.prepare(address.name)
    desk = Desk(cast, address)
    mine = desk.token()
    stranger = Client(enforce_csrf_checks=True)
    stranger.get("/accounts/login/")
    foreign = stranger.cookies[settings.CSRF_COOKIE_NAME].value
    before = stands()
    forged = {
        "no token": desk.send(""),
        "token of another browser": desk.send(foreign),
        "nonsense": desk.send("x" * 64),
        "another site": desk.send(mine, Origin=ELSEWHERE),
        "a sandboxed frame": desk.send(mine, Origin="null"),
        "another site, https, no origin told": desk.send(mine, Referer=f"{ELSEWHERE}/page"),
        "the portal's name below another's": desk.send(mine, Origin="http://testserver.elsewhere.example"),
        "htmx without a token": desk.send("", **{"HX-Request": "true"}),
        "htmx with another's": desk.send("", **{"HX-Request": "true", "X-CSRFToken": foreign}),
    }
    if desk.role != "anonymous":
        forged["token from before signing in"] = desk.send(desk.before)
    assert set(forged.values()) == {403}, forged
    assert stands() == before
    assert desk.role == "anonymous" or desk.signed_in
    wanted = TABLE[address.name, "POST"][desk.role]
    for headers in ({"Origin": "http://testserver"}, {"HX-Request": "true", "X-CSRFToken": mine}):
        with undone():
            sent = desk.post(desk.path, desk.data, mine if "Origin" in headers else "", **headers)
            assert answer(sent) == wanted, "the form of the page itself does not go through"


@pytest.mark.parametrize("address", TAKING_POSTS, ids=name_of)
def test_address_that_changes_something_does_so_by_post_alone(cast: Cast, address: Address) -> None:
    cast.prepare(address.name)
    role = able(address)
    browser = cast.browser(role)
    path = f"{address.path(**cast.numbers())}?{urlencode(cast.told(address.name, role))}"
    before = stands()
    for method in ("GET", "HEAD"):
        code = browser.generic(method, path, headers={"HX-Request": "true"}).status_code
        assert code == 405 or (address.name, "GET") in TABLE
    after = stands()
    assert after | {"Event": []} == before | {"Event": []}
    assert set(after["Event"]) - set(before["Event"]) <= {"vault.responded", "secret.viewed"}
    assert role == "anonymous" or browser.get("/accounts/password/change/").status_code == 200
