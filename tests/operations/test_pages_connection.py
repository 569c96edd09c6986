"""The page of the connection: tested step by step, with the real answers and what to do about each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.catalog import connection_check, known_errors, segura_client
from portal.catalog.connection_check import ConnectionTestStep
from portal.sandbox import Sandbox
from tests.operations.test_pages_delivery import text_of
from tests.segura import events

pytestmark = pytest.mark.django_db
AsPerson = Callable[..., Client]
PAGE = "operations:connection"


def steps() -> list[ConnectionTestStep]:
    latest = connection_check.latest_connection_test()
    assert latest is not None
    return latest.steps


def try_it(browser: Client) -> HttpResponse:
    answer = browser.post(reverse("operations:test_connection"), follow=True)
    assert answer.redirect_chain == [(reverse(PAGE), 302)]
    return answer


def test_what_works_is_shown_with_codes_times_and_by_whom(segura: Sandbox, as_person: AsPerson, admin: User) -> None:
    page = text_of(try_it(as_person(admin)))
    assert [(step.name, step.ok, step.code) for step in steps()] == [
        ("token", True, 200),
        ("list", True, 200),
        ("read", True, 200),
    ]
    assert "Last test by admin" in page
    assert f"{steps()[1].found} secrets listed" in page
    (event,) = events("vault.tested")
    assert (event["actor"], event["http_status"], event["data"]["ok"]) == ("admin", 200, True)


def test_test_asks_for_a_token_of_its_own_each_time(segura: Sandbox, as_person: AsPerson, admin: User) -> None:
    for _ in range(2):
        try_it(as_person(admin))
    assert len(segura.control.arrivals("token")) == 2


def test_no_value_of_a_secret_is_on_the_page_or_in_the_log(segura: Sandbox, as_person: AsPerson, admin: User) -> None:
    page = try_it(as_person(admin)).content.decode()
    read = events("vault.tested")[0]["secret"]
    secret = segura_client.build_client().read_secret(read).client_secret
    assert secret is not None
    value = secret.reveal()
    assert value not in page
    assert segura.client_secret not in page
    assert value not in str(events("vault.tested") + events("vault.responded"))


@pytest.mark.parametrize(
    ("fault", "endpoint", "failing", "code", "advice"),
    [
        ("401", "token", "token", 401, "SEGURA_CLIENT_ID"),
        ("no_route", "list", "list", 404, "SEGURA_URL"),
        ("502", "list", "list", 502, "look at the appliance"),
        ("504_before_apply", "list", "list", 504, "gateway"),
        ("refuse:1006:User does not have access", "get", "read", 400, "shares it with the right to edit"),
        ("refuse:1009:Inactive Api secret", "get", "read", 400, "its owner activates it"),
        ("drop_before", "get", "read", None, "look at Segura and its gateway"),
    ],
)
def test_step_that_fails_says_what_came_and_what_to_do(
    fault: str,
    endpoint: str,
    failing: str,
    code: int | None,
    advice: str,
    segura: Sandbox,
    as_person: AsPerson,
    admin: User,
) -> None:
    segura.control.plan(fault, endpoint=endpoint, times=None)
    page = text_of(try_it(as_person(admin)))
    states = {step.name: (step.tried, step.ok) for step in steps()}
    before, after = (
        connection_check.STEPS[: connection_check.STEPS.index(failing)],
        connection_check.STEPS[connection_check.STEPS.index(failing) + 1 :],
    )
    assert states == {
        **dict.fromkeys(before, (True, True)),
        failing: (True, False),
        **dict.fromkeys(after, (False, False)),
    }
    assert {step.name: step.code for step in steps()}[failing] == code
    assert advice in page
    assert events("vault.tested")[0]["data"]["ok"] is False


def test_segura_that_is_silent_costs_no_more_than_the_page_says(
    segura: Sandbox, as_person: AsPerson, admin: User, settings: Settings
) -> None:
    settings.SEGURA_PAGE_DEADLINE_S = 0.5
    segura.control.plan("slow:5", endpoint="list", times=None)
    begun = time.monotonic()
    try_it(as_person(admin))
    assert time.monotonic() - begun < 3
    assert not steps()[1].ok


def test_portal_without_a_connection_is_told_which_setting_is_missing(
    segura: Sandbox, as_person: AsPerson, admin: User, settings: Settings
) -> None:
    settings.SEGURA_URL = ""
    page = text_of(try_it(as_person(admin)))
    assert "SEGURA_URL is not set" in page
    assert "no answer" not in page


def test_second_test_at_a_time_is_sent_away(segura: Sandbox, as_person: AsPerson, admin: User) -> None:
    with connection_check._alone:
        assert "A test is running already" in text_of(try_it(as_person(admin)))
    assert events("vault.tested") == []


def test_page_shows_settings_with_value_source_and_consequence_and_no_secret(
    segura: Sandbox,
    as_person: AsPerson,
    admin: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    settings.DELIVERY_HOLD_S = 730
    monkeypatch.setenv("SEGURA_GATEWAY_RETRIES", "5")
    browser = as_person(admin)
    with django_assert_max_num_queries(12):
        answer = browser.get(reverse(PAGE))
    page = text_of(answer)
    assert "SEGURA_GATEWAY_RETRIES 5 from the environment" in page
    assert "SEGURA_CLIENT_SECRET set" in page
    assert "Hold time 730 s computed" in page
    assert segura.client_secret not in answer.content.decode()
    assert "Not tested yet" in page


def test_every_documented_error_is_on_the_page(segura: Sandbox, as_person: AsPerson, admin: User) -> None:
    page = text_of(as_person(admin).get(reverse(PAGE)))
    for known in known_errors.DOCUMENTED:
        assert known.words in page
        assert str(known.advice) in page


def test_test_by_the_command_doctor_names_no_person(segura: Sandbox, as_person: AsPerson, admin: User) -> None:
    connection_check.run_connection_test(by="")
    page = text_of(as_person(admin).get(reverse(PAGE)))
    assert "Last test by ," not in page
    assert "Last test by the command doctor," in page
