"""Light, dark or as the system: kept in a cookie, drawn by the server."""

from __future__ import annotations

import pytest
from django.test import Client

THEME = "/theme/"


@pytest.mark.django_db
@pytest.mark.parametrize("choice", ["light", "dark", "auto"])
def test_choice_is_kept_and_drawn(client: Client, choice: str) -> None:
    response = client.post(THEME, {"theme": choice, "next": "/accounts/login/?next=/a%26b"})
    assert response.headers["Location"] == "/accounts/login/?next=/a%26b"
    assert response.cookies["theme"]["httponly"]
    assert f'data-bs-theme="{choice}"' in client.get("/accounts/login/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "http:evil.example"],
)
def test_foreign_way_back_leads_home(client: Client, back: str) -> None:
    assert client.post(THEME, {"theme": "dark", "next": back}).headers["Location"] == "/"


@pytest.mark.django_db
def test_unknown_theme_is_refused_and_an_altered_cookie_ignored(client: Client) -> None:
    assert client.post(THEME, {"theme": '"><script>'}).status_code == 400
    client.cookies["theme"] = '"><b>'
    assert 'data-bs-theme="auto"' in client.get("/accounts/login/").content.decode()


@pytest.mark.django_db
def test_theme_is_not_changed_by_a_link(client: Client) -> None:
    assert client.get(THEME, {"theme": "dark"}).status_code == 405


@pytest.mark.django_db
def test_theme_takes_a_token_of_this_site() -> None:
    assert Client(enforce_csrf_checks=True).post(THEME, {"theme": "dark"}).status_code == 403


@pytest.mark.django_db
def test_language_is_chosen_by_a_post(client: Client) -> None:
    client.post("/accounts/language/", {"language": "pt-br", "next": "/accounts/login/"})
    assert '<html lang="pt-br"' in client.get("/accounts/login/").content.decode()
