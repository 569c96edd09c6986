"""The stand-in answers as the vendor's pages say, to the letter of their samples."""

import base64
import json
import time

import pytest

GOOD = {
    "status": 200, "message": "Success", "error": False, "error_code": 0, "detail": "",
    "mensagem": "Success", "erro": False, "cod_erro": 0,
}  # fmt: skip


@pytest.mark.parametrize("prefix", ["api", "iso"])
def test_token_is_a_jwt_like_the_sample(prefix, anonymous, sandbox):
    answer = anonymous.ask_token(f"/{prefix}/oauth2/token")
    assert answer.status == 200
    assert list(answer.json) == ["token_type", "expires_in", "access_token"]
    header, claims, _ = (part + "==" for part in answer.json["access_token"].split("."))
    assert json.loads(base64.urlsafe_b64decode(header)) == {"typ": "JWT", "alg": "RS256"}
    assert json.loads(base64.urlsafe_b64decode(claims))["aud"] == sandbox.client_id
    assert answer.headers["Cache-Control"] == "no-store"


def test_token_failures_are_those_of_the_library(anonymous):
    wrong = anonymous.ask_token(client_secret="wrong")
    assert (wrong.status, wrong.json["error"], wrong.json["message"]) == (
        401, "invalid_client", "Client authentication failed",
    )  # fmt: skip
    assert wrong.headers["WWW-Authenticate"] is None
    assert anonymous.ask_token(grant_type="password").json["error"] == "unsupported_grant_type"
    assert "`client_id`" in anonymous.ask_token(client_id="").json["hint"]
    assert anonymous("GET", "/api/oauth2/token").json["error"] == "unsupported_grant_type"
    basic = "Basic " + base64.b64encode(b"portal:wrong").decode()
    form = {"raw": b"grant_type=client_credentials", "Authorization": basic}
    assert anonymous("POST", "/api/oauth2/token", **form).headers["WWW-Authenticate"] == 'Basic realm="OAuth"'


def test_get_one_has_the_read_shape(call):
    document = call("GET", "/api/mysafe/secretapi/43").json
    assert document["code"] == 200
    assert document["response"] == GOOD
    entity = document["api_secret_entity"]
    assert entity["identifier"] == "43"
    assert entity["users_allowed"] == [{"name": "pduarte", "can_edit": True}]
    assert set(entity) == {
        "identifier", "name", "url", "client_secret", "client_id", "identifier_code", "method", "tags", "notes",
        "users_allowed", "groups_allowed",
    }  # fmt: skip


def test_update_has_the_write_shape_and_leaves_omitted_fields_alone(put, control):
    before = control.secret(43)
    answer = put({"name": "GCP1", "users_allowed": [{"username": "alices"}], "groups_allowed": [], "stray": 1})
    entity = answer.json["api_entity"]
    assert (answer.status, answer.json["response"]["message"]) == (200, "Api secret updated successfully")
    assert entity["users_allowed"] == [{"username": "alices", "can_edit": False}]
    assert (entity["groups_allowed"], entity["shared_error"], entity["name"]) == ([], [], "GCP1")
    after = control.secret(43)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"name", "users_allowed", "groups_allowed"}


def test_refusals_are_400_with_number_and_both_spellings(call):
    for path, number in (("9999", 1005), ("48", 1006), ("47", 1009), ("abc", 1010)):
        answer = call("GET", f"/api/mysafe/secretapi/{path}")
        inner = answer.json["response"]
        assert (answer.status, answer.json["code"], inner["status"]) == (400, 400, 400)
        assert answer.json["exception"]["code"] == number
        assert inner["message"] == inner["mensagem"] == answer.json["exception"]["message"]
        assert inner["message"].startswith(f"{number}: ")
        assert (inner["error"], inner["erro"], inner["error_code"]) == (True, True, 1)


def test_without_a_good_token_there_is_no_route(anonymous, sandbox):
    for token in ("", "invented"):
        anonymous.token = token
        answer = anonymous("GET", "/api/mysafe/secretapi")
        assert (answer.status, answer.body) == (404, b'{"message":"no Route matched with those values"}')
        assert answer.headers["Server"].startswith("kong/")
    anonymous.sign_in()
    sandbox.control.revoke_tokens()
    assert anonymous("GET", "/api/mysafe/secretapi").status == 404


def test_tokens_end(anonymous, control):
    control.knobs(token_ttl=0.001)
    anonymous.sign_in()
    time.sleep(0.01)
    assert anonymous("GET", "/api/mysafe/secretapi").status == 404


def test_seed_holds_the_odd_cases(call, control):
    rows = {row["identifier"]: row for row in call("GET", "/iso/mysafe/secretapi").json["api_secret_on_list"]}
    assert all(isinstance(identifier, str) and identifier.isdigit() for identifier in rows)
    assert rows["43"]["name"] == rows["44"]["name"] == "GCP"
    assert rows["51"]["need_approval"] == "1"
    assert rows["55"]["can_write"] is False
    assert any("ç" in row["name"] and "&" in row["name"] for row in rows.values())
    assert "47" not in rows
    assert "48" not in rows
    everything = {item["identifier"]: item for item in control.secrets()}
    assert len(everything) == 25
    assert everything[58]["identifier_code"] == everything[43]["identifier_code"]
    assert everything[58]["owner"] != everything[43]["owner"]


def test_create_then_disable_then_enable(call):
    created = call("POST", "/api/mysafe/secretapi", {"name": "n", "url": "u", "client_id": "c"})
    assert (created.status, created.json["response"]["message"]) == (201, "Api secret successfully registered")
    number = created.json["api_entity"]["identifier"]
    assert call("GET", f"/api/mysafe/secretapi/{number}").status == 200
    assert "name" in call("POST", "/api/mysafe/secretapi", {}).json["response"]["message"]
    said = [
        call("POST", f"/api/mysafe/secretapi/{verb}/{number}").json["response"]["message"]
        for verb in ("inactive", "inactive", "active", "active")
    ]
    assert said == [
        "Api secret successfully deactivated", "Api secret has already been deactivated",
        "Api secret activated successfully", "Api secret has already been activated",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/elsewhere", 404, "no Route matched"),
        ("POST", "/api/mysafe/secretapi/update/43", 404, "no Route matched"),
        ("GET", "/api/mysafe/passwords", 404, "Resource sub not found"),
        ("DELETE", "/api/mysafe/secretapi/43", 404, "Resource sub not found"),
    ],
)
def test_unknown_paths_and_methods(method, path, status, text, call):
    answer = call(method, path)
    assert answer.status == status
    assert text.encode() in answer.body


@pytest.mark.parametrize("raw", [b"", b"not json", b"[1]", b"\xff\xfe", b"[" * 50_000, b'{"name": {"a": 1}}'])
def test_no_body_breaks_it(raw, call):
    answer = call("PUT", "/api/mysafe/secretapi/update/43", raw=raw)
    assert answer.status in (200, 400)
    assert "response" in answer.json
