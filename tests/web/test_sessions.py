"""Sessions: an id known from before opens nothing, and the cookies are as hard to steal as cookies get."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie

import pytest
from django.conf import settings
from django.test import Client
from requests import Response

from portal.accounts.models import User
from tests.people import person
from tests.web.served import HOST, Served

pytestmark = pytest.mark.shows("W09")

LOGIN = "/accounts/login/"
PASSWORD = "maria-correct-horse"
NEW = "a-long-new-passphrase"


@pytest.fixture
def maria(db: None) -> User:
    return person("maria")


def sign_in(client: Client, password: str = PASSWORD) -> str:
    """The id of the session it made."""
    assert client.post(LOGIN, {"login": "maria", "password": password}).status_code == 302
    return session_id(client)


def session_id(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def is_open(session: str) -> bool:
    """Whether this id alone opens a page."""
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = session
    return thief.get("/accounts/password/change/").status_code == 200


def test_id_planted_before_signing_in_is_not_the_one_after(maria: User) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    mine = sign_in(client)
    assert mine != "a" * 32
    assert is_open(mine)
    assert not is_open("a" * 32)


def test_id_of_a_session_that_really_was_there_is_not_the_one_after(maria: User) -> None:
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert sign_in(client) != session.session_key
    assert not is_open(session.session_key)


def test_id_of_somebody_elses_session_does_not_become_ones_own(maria: User) -> None:
    mallory = Client()
    mallory.force_login(person("mallory"))
    victim = Client()
    victim.cookies[settings.SESSION_COOKIE_NAME] = session_id(mallory)
    victim.post("/accounts/logout/")
    assert sign_in(victim) != session_id(mallory)
    assert not is_open(session_id(mallory))


def test_signing_out_ends_the_session_for_every_copy_of_its_id(maria: User) -> None:
    client = Client()
    mine = sign_in(client)
    client.post("/accounts/logout/")
    assert not is_open(mine)


def test_proving_it_again_makes_a_new_id_and_keeps_the_person_signed_in(maria: User) -> None:
    client = Client()
    before = sign_in(client)
    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302
    assert session_id(client) != before
    assert is_open(session_id(client))
    assert not is_open(before)


def test_failing_to_prove_it_changes_nothing(maria: User) -> None:
    client = Client()
    before = sign_in(client)
    assert client.post("/accounts/reauthenticate/", {"password": "a wrong guess"}).status_code == 200
    assert session_id(client) == before
    assert is_open(before)


def test_new_password_ends_every_other_session_and_renews_ones_own(maria: User) -> None:
    elsewhere = sign_in(Client())
    client = Client()
    before = sign_in(client)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/accounts/password/change/", form).status_code == 302
    assert is_open(session_id(client))
    assert not is_open(before)
    assert not is_open(elsewhere)
    sign_in(Client(), NEW)


def test_cookies_of_an_https_portal_are_bound_to_host_and_tls_and_hidden_from_scripts(https_portal: Served) -> None:
    person("maria")
    form = https_portal.ask("GET", LOGIN)
    cookies = cookies_of(form)
    token = cookies["__Host-csrf"].value
    sent = {"login": "maria", "password": PASSWORD, "csrfmiddlewaretoken": token}
    headers = {"Cookie": f"__Host-csrf={token}", "Origin": f"https://{HOST}"}
    signed_in = https_portal.ask("POST", LOGIN, data=sent, headers=headers)
    assert (signed_in.status_code, signed_in.headers["Location"]) == (302, "/")
    cookies |= cookies_of(signed_in)
    token = cookies["__Host-csrf"].value
    jar = f"__Host-csrf={token}; __Host-session={cookies['__Host-session'].value}"
    headers = {"Cookie": jar, "Origin": f"https://{HOST}"}
    for path, choice in (("/theme/", {"theme": "dark"}), ("/accounts/language/", {"language": "pt-br"})):
        cookies |= cookies_of(
            https_portal.ask("POST", path, data=choice | {"csrfmiddlewaretoken": token}, headers=headers)
        )
    assert set(cookies) == {f"__Host-{what}" for what in ("session", "csrf", "theme", "language")}
    for name, cookie in cookies.items():
        assert cookie["secure"], name
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["path"] == "/", name
        assert cookie["domain"] == "", name
    assert https_portal.ask("GET", "/accounts/password/change/", headers=headers).status_code == 200


def test_https_portal_speaks_no_http_and_to_nobody_who_calls_it_otherwise(https_portal: Served) -> None:
    plain = https_portal.ask("GET", LOGIN, scheme="http")
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://{HOST}{LOGIN}")
    assert "Set-Cookie" not in plain.headers
    assert https_portal.ask("GET", LOGIN, headers={"Host": "elsewhere.example"}).status_code == 400


def cookies_of(answer: Response) -> dict[str, Morsel[str]]:
    """Each cookie it sets, with all that is said about it."""
    jar = SimpleCookie()
    for line in answer.raw.headers.getlist("Set-Cookie"):
        jar.load(line)
    return dict(jar)
