"""The details of one secret: all but its value, on record as viewed, and a sentence where they cannot be had."""

from __future__ import annotations

import json
import logging

import pytest
from pytest_django.fixtures import Settings

from portal.audit.models import Event
from portal.catalog.details import DetailsUnavailable, fetch_details_for_user
from portal.common import keyring
from portal.devserver.redis_server import free_port
from portal.sandbox import Sandbox
from tests.segura import events

pytestmark = pytest.mark.django_db

CANARY = "canary-5b1d7e"


def test_details_have_the_shape_a_revision_keeps(segura: Sandbox) -> None:
    segura.control.edit(43, users_allowed={"pduarte": True, "alices": False})
    details = fetch_details_for_user(43, by="requester")
    assert details.fields == {
        "name": "GCP",
        "url": "https://gcp.com",
        "client_id": "gf455f7g8fb5dfg8fd545bffbv",
        "identifier_code": "hyga125",
        "tags": "Cloud",
        "notes": "Access details",
        "method": "get",
        "users_allowed": [["alices", False], ["pduarte", True]],
        "groups_allowed": [["Test group", False]],
    }


def test_view_is_on_record_with_who_looked(segura: Sandbox) -> None:
    fetch_details_for_user(43, by="requester")
    (view,) = events("secret.viewed")
    assert (view["actor"], view["secret"], view["data"]) == ("requester", 43, {"value_visible": True})


def test_value_becomes_a_fingerprint_and_appears_nowhere(segura: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    segura.control.edit(43, client_secret=CANARY)
    with caplog.at_level(logging.DEBUG):
        details = fetch_details_for_user(43, by="requester")
    assert details.secret_fingerprint == keyring.keyed_fingerprint("client_secret", CANARY)
    log = "".join(Event.objects.values_list("text", flat=True))
    assert CANARY not in repr(details) + str(vars(details)) + log + caplog.text


@pytest.mark.parametrize("style", ["masked_middle", "omitted"])
def test_value_that_segura_hides_has_no_fingerprint(segura: Sandbox, style: str) -> None:
    segura.control.knobs(secret_echo=style)
    details = fetch_details_for_user(43, by="requester")
    assert details.secret_fingerprint == ""
    assert details.fields["url"] == "https://gcp.com"
    assert events("secret.viewed")[0]["data"] == {"value_visible": False}


def test_text_that_no_database_could_hold_is_made_fit(segura: Sandbox) -> None:
    entity = {
        "identifier": "43",
        "notes": "a\0b\ud800c",
        "client_secret": "d\ud800e",
        "users_allowed": [{"name": "f\0"}],
    }
    envelope = {"code": 200, "response": {"status": 200, "message": "Success", "error": False}}
    segura.control.plan(endpoint="get", body=json.dumps({**envelope, "api_secret_entity": entity}))
    details = fetch_details_for_user(43, by="requester")
    assert details.fields["notes"] == "a\ufffdb?c"
    assert details.fields["users_allowed"] == [["f\ufffd", False]]
    assert details.secret_fingerprint


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        (999, "Segura does not find this secret (1005)"),
        (48, "does not let Countersign see the details of this secret (1006)"),
        (51, "may be viewed only after an approval in Segura"),
        (47, "This secret is inactive in Segura (1009)"),
    ],
)
def test_refusal_says_who_could_help(segura: Sandbox, identifier: int, words: str) -> None:
    with pytest.raises(DetailsUnavailable) as refused:
        fetch_details_for_user(identifier, by="requester")
    assert words in refused.value.failure.sentence
    assert refused.value.failure.code == 400
    assert events("secret.viewed") == []
    assert events("vault.responded")[-1]["actor"] == "requester"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refuse:1010:Unexpected identifier type", "(1010)"),
        ("refuse:1044:Something new", "error 1044"),
        ("no_route", "does not accept Countersign's access key"),
        ("html_502", "The gateway in front of Segura answered HTTP 502"),
        ("503", "The gateway in front of Segura answered HTTP 503"),
        ("504_before_apply", "The gateway in front of Segura answered HTTP 504"),
        ("500_envelope", "Segura's answer (HTTP 500) was not understood"),
        ("broken_json", "was not understood"),
        ("reset", "did not answer in time or broke off"),
    ],
)
def test_trouble_on_the_way_is_a_sentence(segura: Sandbox, fault: str, words: str) -> None:
    segura.control.plan(fault, endpoint="get", times=None)
    with pytest.raises(DetailsUnavailable) as failed:
        fetch_details_for_user(43, by="requester")
    assert words in failed.value.failure.sentence
    assert events("secret.viewed") == []


def test_missing_setting_is_a_sentence(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_URL = ""
    with pytest.raises(DetailsUnavailable) as failed:
        fetch_details_for_user(43, by="requester")
    assert "not connected to Segura (SEGURA_URL is not set)" in failed.value.failure.sentence


def test_wrong_client_secret_is_a_sentence_without_it(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_CLIENT_SECRET = CANARY
    with pytest.raises(DetailsUnavailable) as failed:
        fetch_details_for_user(43, by="requester")
    assert "SEGURA_CLIENT_SECRET" in failed.value.failure.sentence
    assert CANARY not in repr(failed.value.failure) + failed.value.failure.sentence


def test_silent_server_costs_no_more_than_the_deadline(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_DEADLINE_S = 0.3
    segura.control.plan("hold", endpoint="get")
    with pytest.raises(DetailsUnavailable) as failed:
        fetch_details_for_user(43, by="requester")
    segura.control.release()
    assert "did not answer in time" in failed.value.failure.sentence
    assert events("vault.unanswered")[0]["data"]["duration_ms"] < 1500


def test_unreachable_server_is_a_sentence(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_URL = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(DetailsUnavailable) as failed:
        fetch_details_for_user(43, by="requester")
    assert "the connection was refused" in failed.value.failure.sentence
