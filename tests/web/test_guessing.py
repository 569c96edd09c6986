"""Guessing passwords: slow for who guesses, on one name or on many, and no weapon against whose names they are."""

from __future__ import annotations

import re
import time

import pytest
from django.contrib.auth import SESSION_KEY
from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import User
from portal.audit.models import Event
from tests.people import person
from tests.rig.rounds import rounds

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W15"), pytest.mark.timeout(rounds(120, 900))]

LOGIN = "/accounts/login/"
GUESSES = rounds(60, 1000)
ATTACKER, VICTIM = "203.0.113.66", "198.51.100.7"


WRONG, RIGHT = "a wrong guess", "maria-correct-horse"


def guess(name: str, password: str = WRONG, address: str = ATTACKER, **headers: str) -> HttpResponse:
    return Client(REMOTE_ADDR=address).post(LOGIN, {"login": name, "password": password}, headers=headers)


def looked_at(before: int) -> int:
    """Guesses whose password was really compared since, by the log."""
    refused = Event.objects.filter(pk__gt=before, action="session.failed")
    return refused.filter(text__contains='"reason":"wrong name or password"').count()


def newest() -> int:
    return int(Event.objects.values_list("pk", flat=True).first() or 0)


@pytest.mark.parametrize("names", [1, rounds(30, 200)], ids=["one name", "many names"])
def test_guesses_from_one_address_come_to_a_handful_for_each_name(names: int) -> None:
    people = [User(username=f"person-{n}") for n in range(names)]
    User.objects.bulk_create(people)
    victim = person("maria")
    before, began = newest(), time.monotonic()
    for n in range(GUESSES):
        name = "maria" if names == 1 else f"person-{n % names}"
        assert guess(name, **{"X-Forwarded-For": f"10.0.{n % 250}.{n % 199}"}).status_code == 200
    minutes = 1 + (time.monotonic() - began) // 60
    assert looked_at(before) <= 5 * names * minutes, "five in five minutes for each name"
    theirs = Client(REMOTE_ADDR=VICTIM)
    assert theirs.post(LOGIN, {"login": "maria", "password": RIGHT}).status_code == 302
    assert theirs.session[SESSION_KEY] == str(victim.pk)


def test_forged_forwarding_neither_frees_the_guesser_nor_locks_the_victim_out() -> None:
    person("maria")
    for n in range(12):
        guess("maria", **{"X-Forwarded-For": VICTIM, "X-Real-IP": VICTIM, "Forwarded": f"for={VICTIM};n={n}"})
    assert "Too many failed" in guess("maria", RIGHT).content.decode()
    assert guess("maria", RIGHT, VICTIM).status_code == 302
    addresses = Event.objects.filter(action="session.failed").values_list("text", flat=True)
    assert all(f'"address":"{ATTACKER}"' in text for text in addresses)


def test_right_password_among_the_guesses_is_not_told_once_the_name_is_paused() -> None:
    person("maria")
    for _ in range(5):
        guess("maria")
    right, wrong = (said(guess("maria", password)) for password in (RIGHT, WRONG))
    assert right == wrong


def test_unknown_name_is_answered_in_the_same_words_and_in_the_same_time() -> None:
    """Side by side, so that whatever else the machine does falls on both; each guess from an address of its own."""
    person("maria")
    took: dict[str, list[float]] = {"maria": [], "nobody": []}
    words = {}
    for n in range(rounds(12, 200)):
        for name in sorted(took, reverse=bool(n % 2)):
            began = time.perf_counter()
            answer = guess(name, address=f"10.1.{n // 250}.{n % 250}")
            took[name].append(time.perf_counter() - began)
            words[name] = (answer.status_code, said(answer).replace(name, "<name>"))
    assert words["maria"] == words["nobody"]
    # What else runs here only ever adds to an answer. One without a hash lacks most of its time, some 30 ms.
    known, unknown = min(took["maria"]), min(took["nobody"])
    assert 0.6 < unknown / known < 1.6


def said(answer: HttpResponse) -> str:
    """The page, but for its tokens."""
    return re.sub(r'(name="csrfmiddlewaretoken" value="|"x-csrftoken": ")\w+', "", answer.content.decode())
