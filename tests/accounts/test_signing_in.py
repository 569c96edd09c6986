"""Signing in: who gets in, who is refused, and what a refused person reads."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.accounts import attempts
from portal.accounts.models import User
from tests.people import person

LOGIN = "/accounts/login/"


def sign_in(client: Client, name: str, password: str, **headers: str) -> str:
    """Try it; the page that came back, or the address of a redirect."""
    response = client.post(LOGIN, {"login": name, "password": password}, **headers)
    return response.headers.get("Location") or response.content.decode()


def main_of(page: str) -> str:
    return page.partition("<main")[2].partition("</main>")[0]


def is_signed_in(client: Client) -> bool:
    return SESSION_KEY in client.session


@pytest.mark.django_db
def test_name_and_password_open_the_portal(client: Client) -> None:
    person("maria")
    assert sign_in(client, "maria", "maria-correct-horse") == reverse("home")
    assert is_signed_in(client)


@pytest.mark.django_db
def test_wrong_password_shows_one_alert_and_keeps_the_name_si1(client: Client) -> None:
    person("maria")
    page = sign_in(client, "maria", "a wrong guess")
    assert not is_signed_in(client)
    assert re.search(r'<input[^>]*name="login"[^>]*value="maria"|<input[^>]*value="maria"[^>]*name="login"', page)
    assert main_of(page).count('role="alert"') == 1
    assert page.count("Wrong username or password.") == 1
    assert re.search(r'<input[^>]*name="password"[^>]*autofocus', page)
    assert page.count("autofocus") == 1
    assert "a wrong guess" not in page


@pytest.mark.django_db
def test_unknown_name_and_wrong_password_read_the_same(client: Client) -> None:
    person("maria")
    errors = [
        re.findall(r'role="alert">(.*?)</form>', sign_in(client, name, "a wrong guess"), re.DOTALL)[0].split("<form")[0]
        for name in ("maria", "nobody")
    ]
    assert errors[0] == errors[1]


@pytest.mark.django_db
@pytest.mark.parametrize("demo", [True, False])
def test_demo_account_is_let_in_by_the_demo_alone(client: Client, settings: Settings, demo: bool) -> None:
    settings.PORTAL_DEMO = demo
    person("maria")
    User.objects.update(is_demo=True)
    sign_in(client, "maria", "maria-correct-horse")
    assert is_signed_in(client) is demo


@pytest.mark.django_db
def test_demo_session_ends_where_the_demo_ends(client: Client, settings: Settings) -> None:
    settings.PORTAL_DEMO = True
    person("maria")
    User.objects.update(is_demo=True)
    sign_in(client, "maria", "maria-correct-horse")
    settings.PORTAL_DEMO = False
    assert client.get("/").headers["Location"].startswith(LOGIN)


@pytest.mark.django_db
def test_switched_off_person_reads_that_the_account_is_switched_off(client: Client) -> None:
    person("maria")
    User.objects.update(is_active=False)
    address = sign_in(client, "maria", "maria-correct-horse")
    assert not is_signed_in(client)
    assert "it was switched off" in client.get(address).content.decode()


@pytest.mark.django_db
def test_sixth_guess_at_one_name_is_refused_even_when_it_is_right(client: Client) -> None:
    person("maria")
    for _ in range(5):
        sign_in(client, "maria", "a wrong guess")
    assert "Too many failed" in sign_in(client, "maria", "maria-correct-horse")
    assert not is_signed_in(client)


@pytest.mark.django_db
def test_last_allowed_failure_names_the_time_of_the_next_attempt_si2(client: Client, settings: Settings) -> None:
    person("maria")
    for _ in range(4):
        assert "Wrong username or password." in sign_in(client, "maria", "a wrong guess")
    client.cookies[settings.ZONE_COOKIE_NAME] = "Asia/Kolkata"
    page = sign_in(client, "maria", "a wrong guess")
    assert main_of(page).count('role="alert"') == 1
    (said,) = re.findall(r"Try again at (\d\d:\d\d) IST; until then even the correct password is refused", page)
    now = timezone.localtime(timezone=ZoneInfo("Asia/Kolkata"))
    assert said in {f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (4, 5)}
    assert "Try again at" in sign_in(client, "maria", "maria-correct-horse")
    assert not is_signed_in(client)


@pytest.mark.django_db
def test_other_spellings_of_a_name_are_no_further_guesses(client: Client) -> None:
    person("simi")
    for name in ("simi", "SIMI", "\u017fimi", "s\u0131mi", "\u017f\u0131m\u0131"):
        sign_in(client, name, "a wrong guess")
    assert "Too many failed" in sign_in(client, "sim\u0131", "simi-correct-horse")
    assert not is_signed_in(client)


@pytest.mark.django_db
def test_forged_forwarding_header_does_not_escape_the_limit(client: Client) -> None:
    person("maria")
    for number in range(5):
        sign_in(client, "maria", "a wrong guess", headers={"X-Forwarded-For": f"10.0.0.{number}"})
    refused = sign_in(client, "maria", "maria-correct-horse", headers={"X-Forwarded-For": "10.0.0.99"})
    assert "Too many failed" in refused


@pytest.mark.django_db
def test_behind_the_own_proxy_each_client_has_a_limit_of_its_own(client: Client, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    person("maria")
    for _ in range(5):
        sign_in(client, "maria", "a wrong guess", headers={"X-Forwarded-For": "10.0.0.1"})
    sign_in(client, "maria", "maria-correct-horse", headers={"X-Forwarded-For": "10.0.0.2"})
    assert is_signed_in(client)


@pytest.mark.django_db
def test_sign_in_leads_back_to_the_page_asked_for_but_never_off_the_portal(client: Client) -> None:
    person("maria")
    credentials = {"login": "maria", "password": "maria-correct-horse"}
    assert client.post(LOGIN, credentials | {"next": "/secrets/"}).headers["Location"] == "/secrets/"
    client.logout()
    assert client.post(LOGIN, credentials | {"next": "https://evil.example/"}).headers["Location"] == reverse("home")


@pytest.mark.django_db
def test_signing_out_takes_a_post(client: Client) -> None:
    client.force_login(person("maria"))
    assert "Do you want to sign out" in client.get("/accounts/logout/").content.decode()
    assert is_signed_in(client)
    client.post("/accounts/logout/")
    assert not is_signed_in(client)


@pytest.mark.django_db
def test_person_changes_the_own_password(client: Client) -> None:
    maria = person("maria")
    client.force_login(maria)
    new = "a-long-new-passphrase"
    form = {"oldpassword": "maria-correct-horse", "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", form).status_code == 302
    maria.refresh_from_db()
    assert maria.check_password(new)
    assert is_signed_in(client)


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password", "account_email", "account_set_password"])
def test_what_the_portal_does_not_offer_has_no_address(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.django_db
def test_somebody_elses_wrong_guesses_lock_nobody_out() -> None:
    person("maria")
    for _ in range(6):
        refused = sign_in(Client(REMOTE_ADDR="203.0.113.66"), "maria", "a wrong guess")
    assert "Too many failed" in refused
    maria = Client(REMOTE_ADDR="198.51.100.7")
    sign_in(maria, "maria", "maria-correct-horse")
    assert is_signed_in(maria)


@pytest.mark.django_db
def test_guesses_at_one_name_from_ever_new_addresses_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PER_NAME", ((8, timedelta(hours=1)),))
    person("maria")
    names = ["maria", "MARIA", "mar\u0131a"] * 3
    said = [sign_in(Client(REMOTE_ADDR=f"10.0.0.{n}"), name, "a wrong guess") for n, name in enumerate(names)]
    assert ["Too many failed" in page for page in said] == [False] * 7 + [True, True]


@pytest.mark.django_db
def test_right_passwords_use_nothing_up() -> None:
    person("maria")
    for _ in range(7):
        maria = Client()
        sign_in(maria, "maria", "maria-correct-horse")
        assert is_signed_in(maria)
