"""List and get-one: typed values, both share shapes made one, and errors that name the fact."""

import json
import time

import pytest

from portal.vault import (
    AccessToken,
    Client,
    InvalidResponse,
    ListedSecret,
    MemoryTokens,
    MemoryWaits,
    ReadRefused,
    SecretStr,
    Share,
    Unauthorised,
    Unreachable,
    VaultError,
)


def test_four_lines_are_enough(sandbox):
    client = Client.connect(url=sandbox.url, client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    rows = client.list_secrets()
    secret = client.read_secret(rows[0].identifier)
    assert secret.name == rows[0].name


def test_list_gives_typed_rows(client):
    rows = {row.identifier: row for row in client.list_secrets()}
    assert rows[43] == ListedSecret(43, "GCP", can_view=True, can_write=True, need_justify=False, need_approval=False)
    assert rows[51].need_approval
    assert rows[52].need_justify
    assert not rows[52].need_approval
    assert not rows[55].can_write
    assert 47 not in rows
    assert 48 not in rows


def test_read_gives_every_field_and_hides_the_value(client):
    secret = client.read_secret(43)
    assert (secret.name, secret.url, secret.method, secret.tags) == ("GCP", "https://gcp.com", "get", "Cloud")
    assert secret.users_allowed == (Share("pduarte", True),)
    assert secret.groups_allowed == (Share("Test group", False),)
    assert secret.client_secret.reveal().startswith("demo_")
    assert "demo_" not in repr(secret)


@pytest.mark.parametrize("echo", ["masked_middle", "omitted"])
def test_masked_and_omitted_values_are_no_values(echo, sandbox, client):
    sandbox.control.knobs(secret_echo=echo)
    assert client.read_secret(43).client_secret is None


def test_the_misspelt_message_key_does_not_matter(sandbox, client):
    sandbox.control.knobs(get_one_message_key="Message")
    assert client.read_secret(61).name == "Integração Câmbio & Preços"


@pytest.mark.parametrize(("identifier", "number"), [(9999, 1005), (48, 1006), (47, 1009), (51, 1006)])
@pytest.mark.parametrize("dialect", ["new", "old"])
def test_refused_reads_carry_their_number(identifier, number, dialect, sandbox, client):
    sandbox.control.knobs(error_dialect=dialect)
    with pytest.raises(ReadRefused) as raised:
        client.read_secret(identifier)
    assert (raised.value.number, raised.value.status) == (number, 400)
    assert raised.value.message


UNREADABLE = {
    "500_envelope": 500, "502": 502, "503": 503, "504_before_apply": 504, "html_502": 502, "429": 429, "drop": None,
    "reset": None, "slow:2": None, "drip:0.05": 200, "cut_status_line": None, "cut_body": 200, "empty_201": 201,
    "big_body": 200, "error_true": 200, "erro_true": 200, "wrong_code": 200, "broken_json": 200,
    "redirect:302:http://127.0.0.1:1/": 302,
}  # fmt: skip


@pytest.mark.parametrize("fault", UNREADABLE)
def test_everything_else_is_unreadable_and_not_retried(fault, sandbox, client):
    client.list_secrets()
    client.exchanges.clear()
    for read in (lambda: client.read_secret(43), client.list_secrets):
        sandbox.control.plan(fault, method="GET")
        client._waits = MemoryWaits()
        with pytest.raises(InvalidResponse) as raised:
            read()
        assert raised.value.status == UNREADABLE[fault]
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None
    assert len(client.exchanges) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"identifier": "44"}, {"identifier": None}, {"name": ["x"]}, {"users_allowed": "alices"},
        {"users_allowed": [{"can_edit": True}]}, {"groups_allowed": ["Test group"]},
    ],
)  # fmt: skip
def test_a_malformed_entity_is_unreadable(change, sandbox, client):
    entity = {"identifier": "43", "name": "GCP", **change}
    document = {"code": 200, "response": {"status": 200, "error": False}, "api_secret_entity": entity}
    sandbox.control.plan(endpoint="get", body=json.dumps(document))
    with pytest.raises(InvalidResponse) as raised:
        client.read_secret(43)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("rows", [None, "x", [{}], [{"identifier": "x1"}], ["43"], [{"identifier": True}]])
def test_a_malformed_list_is_unreadable(rows, sandbox, client):
    document = {"code": 200, "response": {"status": 200, "error": False}, "api_secret_on_list": rows}
    sandbox.control.plan(endpoint="list", body=json.dumps(document))
    with pytest.raises(InvalidResponse):
        client.list_secrets()


def test_unknown_keys_are_ignored_and_odd_flags_understood(sandbox, client):
    row = {"identifier": 7, "name": None, "can_view": "1", "can_write": 0, "need_justify": True, "colour": "red"}
    document = {
        "tenant": "t", "code": 200, "response": {"error": False, "Message": "x"}, "api_secret_on_list": [row]
    }  # fmt: skip
    sandbox.control.plan(endpoint="list", body=json.dumps(document))
    assert client.list_secrets() == [ListedSecret(7, "", True, False, True, False)]


@pytest.mark.parametrize("fault", ["401", "no_route"])
def test_a_token_never_taken_is_unauthorised_after_one_renewal(fault, sandbox, client):
    sandbox.control.plan(fault, method="GET", times=None)
    with pytest.raises(Unauthorised) as raised:
        client.read_secret(43)
    assert "SEGURA_URL" in raised.value.message
    assert [exchange.method for exchange in client.exchanges] == ["POST", "GET", "POST", "GET"]


def test_a_wrong_client_secret_is_unauthorised_and_says_where_to_look(connect):
    with pytest.raises(Unauthorised, match="SEGURA_CLIENT_SECRET"):
        connect(client_secret=SecretStr("mistyped")).list_secrets()


def test_a_broken_token_endpoint_is_unreadable(sandbox, client):
    sandbox.control.plan("502", endpoint="token")
    with pytest.raises(InvalidResponse, match="502"):
        client.list_secrets()


class Given(MemoryTokens):
    def get(self, _key):
        return AccessToken(SecretStr("given"), time.time() + 60, time.time() + 60)


@pytest.mark.parametrize("tokens", [Given, MemoryTokens])
def test_no_connection_is_unreachable(tokens, connect):
    with pytest.raises(Unreachable, match="refused") as raised:
        connect(url="http://127.0.0.1:1/", tokens=tokens()).read_secret(43)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("identifier", [0, -1, True, "43", 4.0])
def test_impossible_identifiers_are_never_asked_for(identifier, sandbox, client):
    with pytest.raises(ValueError, match="above zero"):
        client.read_secret(identifier)
    with pytest.raises(ValueError, match="above zero"):
        client.update_secret(identifier, {"name": "x"}, attempt_id="a")
    assert sandbox.control.arrivals() == []


def test_attempt_id_goes_out_and_into_the_exchange(sandbox, client):
    client.read_secret(43, attempt_id="at-1", correlation_id="co-1")
    assert sandbox.control.arrivals("get")[0]["attempt_id"] == "at-1"
    assert sandbox.control.arrivals("token")[0]["attempt_id"] == ""
    assert {(each.attempt_id, each.correlation_id) for each in client.exchanges} == {("at-1", "co-1")}


def test_every_read_error_is_a_vault_error():
    assert all(issubclass(kind, VaultError) for kind in (ReadRefused, Unreachable, Unauthorised, InvalidResponse))
