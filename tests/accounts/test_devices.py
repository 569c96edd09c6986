"""Signed-in devices: a person sees their own, and ends the others at once."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from tests.people import person

pytestmark = pytest.mark.django_db
PAGE, SIGN_OUT = "/accounts/preferences/", "/accounts/devices/sign-out/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1"


@pytest.fixture
def maria() -> User:
    return person("maria", Role.REQUESTER)


def sign_in(agent: str, name: str = "maria") -> Client:
    browser = Client(headers={"user-agent": agent})
    sent = {"login": name, "password": f"{name}-correct-horse"}
    assert browser.post("/accounts/login/", sent).status_code == 302
    return browser


def handles(browser: Client) -> list[str]:
    return re.findall(r'name="device" value="([^"]+)"', browser.get(PAGE).content.decode())


def test_page_lists_the_devices_of_the_reader_alone_and_no_session_id(maria: User) -> None:
    person("paul", Role.REQUESTER)
    own, phone, other = sign_in(FIREFOX), sign_in(PHONE), sign_in(EDGE, "paul")
    page = own.get(PAGE).content.decode()
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "Edge on Windows" not in page
    assert page.count("This device") == 1
    assert len(handles(own)) == 1
    for browser in (own, phone, other):
        assert browser.cookies[settings.SESSION_COOKIE_NAME].value not in page


def test_signing_out_another_device_ends_it_at_once_pf3(maria: User) -> None:
    own, phone = sign_in(FIREFOX), sign_in(PHONE)
    assert phone.get("/").status_code == 200
    (handle,) = handles(own)
    page = own.post(SIGN_OUT, {"device": handle}, follow=True).content.decode()
    assert "The device was signed out." in page
    assert phone.get("/").headers["Location"].startswith("/accounts/login/")
    assert own.get("/").status_code == 200
    assert handles(own) == []
    event = Event.objects.get(action="session.revoked")
    assert event.actor == "maria"


def test_device_of_another_person_and_the_own_one_stay_signed_in(maria: User) -> None:
    person("paul", Role.REQUESTER)
    own, phone, other = sign_in(FIREFOX), sign_in(PHONE), sign_in(EDGE, "paul")
    (own_handle,) = handles(phone)
    assert own.session["device"]["handle"] == own_handle
    for handle in (own_handle, other.session["device"]["handle"], "", "x"):
        assert "signed out already" in own.post(SIGN_OUT, {"device": handle}, follow=True).content.decode()
    for browser in (own, phone, other):
        assert browser.get("/").status_code == 200
    assert not Event.objects.filter(action="session.revoked").exists()


def test_session_that_a_new_password_has_ended_is_no_signed_in_device(maria: User) -> None:
    own, _phone = sign_in(FIREFOX), sign_in(PHONE)
    new = "a-long-new-passphrase"
    sent = {"oldpassword": "maria-correct-horse", "password1": new, "password2": new}
    assert own.post("/accounts/password/change/", sent).status_code == 302
    assert Session.objects.count() == 2
    assert handles(own) == []


def test_browser_that_names_nothing_known_is_listed_as_unknown(maria: User) -> None:
    assert "Unknown browser" in sign_in("curl/8.0").get(PAGE).content.decode()
