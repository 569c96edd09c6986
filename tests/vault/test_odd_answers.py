"""Answers at the edge of HTTP, JSON and UTF-8: what arrived of them counts, and no letter of theirs is made up."""

import json

import pytest

from portal.vault import Applied, InDoubt, InvalidResponse, Refused, RefusedCheck
from portal.vault.tokens import LIFE_IF_UNSAID_S, LONGEST_LIFE_S, AccessToken

PATCH = {"notes": "Notiz"}


@pytest.mark.parametrize("codes", ["100", "102", "103", "100,100", "103,103,103", "102,100,103,199"])
def test_interim_responses_are_not_the_answer(codes, sandbox, client):
    client.list_secrets()
    sandbox.control.plan(f"interim:{codes}", endpoint="update")
    assert type(client.update_secret(43, PATCH, attempt_id="a")) is Applied
    assert client.exchanges[-1].status == 200
    sandbox.control.plan(f"interim:{codes}", endpoint="get", status=500, body="{}")
    with pytest.raises(InvalidResponse):
        client.read_secret(43)
    assert client.exchanges[-1].status == 500
    sandbox.control.plan(f"interim:{codes}", endpoint="token")
    sandbox.control.revoke_tokens()
    assert client.read_secret(43).notes == "Notiz"


@pytest.mark.parametrize(
    "fault", ["many_headers", "many_headers:5000", "long_header", "long_header:600", "cut_headers"]
)
@pytest.mark.parametrize("status", [200, 201, 400, 500])
def test_status_of_an_answer_whose_headers_cannot_be_read_is_kept(fault, status, sandbox, client):
    client.list_secrets()
    sandbox.control.plan(fault, endpoint="update", status=status)
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert (type(outcome), outcome.status) == (RefusedCheck if status == 400 else InDoubt, status)
    assert client.exchanges[-1].status == status
    words = "ended without a whole answer" if fault == "cut_headers" else "headers are too many or too long"
    assert words in outcome.reason


@pytest.mark.parametrize("fault", ["cut_status_line", "drop", "reset"])
def test_status_line_that_did_not_arrive_whole_is_none(fault, sandbox, client):
    client.list_secrets()
    sandbox.control.plan(fault, endpoint="update")
    assert client.update_secret(43, PATCH, attempt_id="a").status is None


def envelope(number, text):
    inner = {"status": 400, "message": f"{number}: {text}", "error": True, "error_code": 1}
    return {"code": 400, "response": inner, "exception": {"code": number, "message": f"{number}: {text}"}}


def test_letters_of_an_answer_that_is_not_utf8_are_never_taken(sandbox, client):
    sandbox.control.edit(43, notes="Ação", name="Integração")
    sandbox.control.plan("latin1", endpoint="get")
    with pytest.raises(InvalidResponse, match="not valid UTF-8"):
        client.read_secret(43)
    sandbox.control.plan("latin1", endpoint="list")
    with pytest.raises(InvalidResponse, match="not valid UTF-8"):
        client.list_secrets()
    sandbox.control.plan("latin1", endpoint="update")
    outcome = client.update_secret(43, {"notes": "Preço"}, attempt_id="a")
    assert (type(outcome), outcome.reason) == (InDoubt, "200, but the body is not valid UTF-8")
    assert client.read_secret(43).notes == "Preço"


def test_refusal_that_is_not_utf8_is_still_a_refusal(sandbox, client):
    body = json.dumps(envelope(1005, "Não encontrado"), ensure_ascii=False)
    sandbox.control.plan("latin1", endpoint="update", status=400, body=body.encode("latin-1").decode("latin-1"))
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert (type(outcome), outcome.number) == (Refused, 1005)


ODD_LIVES = [
    "3600.0", "soon", "", " 60 ", None, True, False, [], [3600], {}, {"s": 1}, -5, 0, 0.5, 1e308, "1e999", "NaN", "-1",
    "\ud800", "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("life", ODD_LIVES, ids=lambda life: repr(life)[:20])
def test_good_token_is_used_whatever_its_life_is_said_to_be(life, sandbox, client):
    issued = issue(sandbox)
    document = {"token_type": "Bearer", "access_token": issued, "expires_in": life}
    sandbox.control.plan(endpoint="token", body=json.dumps(document))
    assert client.list_secrets()
    assert 0 < AccessToken.granted(None, life, 0.0).ends_at <= LONGEST_LIFE_S


@pytest.mark.parametrize(
    "text", ["9" * 5000, "-" + "9" * 5000, "1e999", "NaN", "-Infinity", "0.0000001", "1E400", "12.5"]
)
def test_good_token_is_used_with_numbers_out_of_range(text, sandbox, client):
    body = f'{{"access_token": "{issue(sandbox)}", "expires_in": {text}}}'
    sandbox.control.plan(endpoint="token", body=body)
    assert client.list_secrets()


@pytest.mark.parametrize("odd", [None, 1, True, [], ["a b"], {}, {"x": 1}, "", "MAC", "\ud800", "ação"])
@pytest.mark.parametrize("field", ["token_type", "scope", "refresh_token", "expires_at", "id_token", "error", "state"])
def test_fields_that_nobody_needs_do_not_matter(field, odd, sandbox, client):
    document = {"token_type": "Bearer", "access_token": issue(sandbox), "expires_in": 60, field: odd}
    sandbox.control.plan(endpoint="token", body=json.dumps(document))
    assert client.list_secrets()


@pytest.mark.parametrize("token", [None, 1, True, [], ["t"], {}, "", "a\nb", "tökén", "\ud800"])
def test_token_that_is_none_is_not_used(token, sandbox, client):
    sandbox.control.plan(endpoint="token", body=json.dumps({"access_token": token, "expires_in": 60}))
    with pytest.raises(InvalidResponse, match="without a token"):
        client.list_secrets()


@pytest.mark.parametrize("body", ["null", "1", "[]", '"t"', "", "{", "true", "[" * 90_000])
def test_answer_without_an_object_is_no_token(body, sandbox, client):
    sandbox.control.plan(endpoint="token", body=body)
    with pytest.raises(InvalidResponse, match="without a token"):
        client.list_secrets()


def issue(sandbox):
    """A token that is good at the stand-in."""
    from portal.sandbox.options import Options

    return json.loads(sandbox.grants._grant(sandbox.client_id, Options()).body)["access_token"]


def test_life_that_is_not_said_is_short():
    assert AccessToken.granted(None, "soon", 0.0).ends_at == LIFE_IF_UNSAID_S
