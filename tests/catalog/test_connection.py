"""The one way to Segura: configured or said so, every exchange on record, no token in sight."""

from __future__ import annotations

import socket

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings
from redis import Redis

from portal.audit.models import Event
from portal.catalog import segura_client
from portal.catalog.segura_client import NotConfigured, build_client
from portal.devserver.redis_server import free_port
from portal.sandbox import Sandbox
from portal.vault import InvalidResponse, Unauthorised, Unreachable
from tests.segura import events

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["SEGURA_URL", "SEGURA_CLIENT_ID", "SEGURA_CLIENT_SECRET"])
def test_missing_setting_is_named(segura: Sandbox, settings: Settings, name: str) -> None:
    setattr(settings, name, "")
    with pytest.raises(NotConfigured, match=f"^{name} is not set$"):
        build_client()


@pytest.mark.parametrize(
    ("name", "value"),
    [("SEGURA_URL", "ftp://segura.example"), ("SEGURA_TOKEN_URL", "nonsense"), ("SEGURA_CA_BUNDLE", "nowhere.pem")],
)
def test_unusable_setting_is_named(segura: Sandbox, settings: Settings, name: str, value: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(NotConfigured, match=name):
        build_client()


def test_every_exchange_is_on_record_with_its_code_and_whom_it_was_for(segura: Sandbox) -> None:
    build_client(by="requester", change=7, secret=43).read_secret(43, attempt_id="a-1", correlation_id="CR-7")
    token, read = events("vault.responded")
    assert (token["http_status"], token["data"]["method"], token["data"]["path"]) == (200, "POST", "/api/oauth2/token")
    assert (read["actor"], read["change"], read["secret"], read["http_status"]) == ("requester", 7, 43, 200)
    told = {
        name: read["data"][name] for name in ("method", "path", "code", "number", "origin", "attempt", "correlation")
    }
    assert told == {
        "method": "GET",
        "path": "/api/mysafe/secretapi/43",
        "code": 200,
        "number": None,
        "origin": "segura",
        "attempt": "a-1",
        "correlation": "CR-7",
    }
    assert isinstance(read["data"]["duration_ms"], int)
    assert read["data"]["started_at"].endswith("+00:00")


def test_refusal_is_on_record_with_seguras_number(segura: Sandbox) -> None:
    with pytest.raises(Exception, match="no such"):
        build_client().read_secret(999)
    answer = events("vault.responded")[-1]
    assert (answer["http_status"], answer["data"]["number"], answer["data"]["message"]) == (
        400,
        1005,
        "1005: Api secret not found",
    )


def test_call_without_an_answer_is_on_record(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_URL = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(Unreachable):
        build_client(secret=43).read_secret(43)
    (silence,) = events("vault.unanswered")
    assert (silence["http_status"], silence["secret"], silence["data"]["origin"]) == (None, 43, "none")
    assert silence["data"]["reason"] == "the connection was refused"


def test_exchange_inside_a_transaction_is_refused(segura: Sandbox) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        build_client().list_secrets()


def test_exchange_that_cannot_be_logged_ends_the_call(segura: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwritable(*_args: object, **_columns: object) -> int:
        raise OSError("the log is gone")

    monkeypatch.setattr(segura_client.ledger, "record_event", unwritable)
    with pytest.raises(OSError, match="the log is gone"):
        build_client().list_secrets()
    assert segura.control.arrivals("list") == []


def test_token_is_shared_by_all_processes_and_sealed(segura: Sandbox, settings: Settings) -> None:
    build_client().list_secrets()
    segura_client._tokens.cache_clear()  # another process
    build_client().list_secrets()
    assert segura.control.journal()["tokens_issued"] == 1
    with Redis.from_url(settings.REDIS_URL) as redis:
        kept = b"".join(redis.get(key) or b"" for key in redis.scan_iter())
    assert kept
    assert b"eyJ" not in kept  # how every JWT begins


def test_token_sealed_for_another_purpose_is_not_taken(segura: Sandbox, settings: Settings) -> None:
    build_client().list_secrets()
    segura_client._tokens.cache_clear()
    with Redis.from_url(settings.REDIS_URL) as redis:
        (key,) = (key for key in redis.scan_iter() if not key.endswith(b":lock"))
        redis.set(key, segura_client.keyring.get_keyring().encrypt(b'["stolen", 9e12, 9e12]', key))
    build_client().list_secrets()
    assert segura.control.journal()["tokens_issued"] == 2


def test_segura_is_reached_while_redis_is_down(segura: Sandbox, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    build_client().list_secrets()
    build_client().list_secrets()
    assert segura.control.journal()["tokens_issued"] == 1


def test_segura_is_reached_while_redis_is_frozen(segura: Sandbox, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.REDIS_URL = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        assert build_client().list_secrets()


def test_neither_client_secret_nor_token_nor_value_is_on_record(segura: Sandbox, settings: Settings) -> None:
    segura.control.edit(43, client_secret="canary-7f3a9c")
    segura.control.plan(endpoint="get", status=400, body='{"message": "canary-7f3a9c"}')
    with pytest.raises(InvalidResponse):
        build_client().read_secret(43)
    build_client().read_secret(43)
    settings.SEGURA_CLIENT_SECRET = "canary-wrong-secret"
    segura.control.revoke_tokens()
    with pytest.raises(Unauthorised):
        build_client().list_secrets()
    log = "".join(Event.objects.values_list("text", flat=True))
    assert "/api/mysafe/secretapi/43" in log
    assert "sandbox-secret" not in log
    assert "canary-wrong" not in log
    assert "eyJ" not in log
