"""Every knob does what it says, at run time."""

import pytest

from portal.sandbox import Options

CORE = {"name": "n", "url": "u", "client_id": "c"}
UPDATED = "Api secret updated successfully"
REGISTERED = "Api secret successfully registered"


def test_update_success_style(put, control):
    seen = []
    for style in ("200_updated", "201_registered", "201_stale_body"):
        control.knobs(update_success_style=style)
        answer = put({"notes": style})
        response = answer.json["response"]
        seen.append((answer.status, response["message"], answer.json["api_entity"]["notes"] == style))
    assert seen == [(200, UPDATED, True), (201, REGISTERED, True), (201, REGISTERED, False)]
    assert control.secret(43)["notes"] == "201_stale_body"


def test_old_error_dialect(call, control):
    control.knobs(error_dialect="old")
    document = call("GET", "/api/mysafe/secretapi/9999").json
    assert "code" not in document
    assert "detail" not in document["response"]
    assert (document["response"]["error"], document["response"]["error_code"]) == (True, 0)
    assert document["exception"]["detail"] == ""


def test_message_key_and_case(call, control):
    control.knobs(get_one_message_key="Message", message_case="v3_32")
    response = call("GET", "/api/mysafe/secretapi/43").json["response"]
    assert "mensagem" not in response
    assert response["Message"] == response["message"]
    assert "API secret not found" in call("GET", "/api/mysafe/secretapi/9999").json["response"]["message"]
    assert "Inactive api secret" in call("GET", "/api/mysafe/secretapi/47").json["response"]["message"]


def test_share_semantics_and_empty_array(put, control):
    control.knobs(share_semantics="merge", empty_array="ignore")
    put({"users_allowed": [{"username": "alices", "can_edit": True}], "groups_allowed": []})
    secret = control.secret(43)
    assert secret["users_allowed"] == {"pduarte": True, "alices": True}
    assert secret["groups_allowed"] == {"Test group": False}


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("names", ["ghost"]), ("objects", [{"name": "ghost", "message": "not found"}]),
        ("message_strings", ["1005: ghost not found"]), ("always_empty", []),
    ],
)  # fmt: skip
def test_shared_error_style(style, expected, put, control):
    control.knobs(shared_error_style=style)
    entity = put({"users_allowed": [{"username": "ghost"}, {"username": "alices"}]}).json["api_entity"]
    assert entity["shared_error"] == expected
    assert entity["users_allowed"] == [{"username": "alices", "can_edit": False}]


def test_share_failure_reject(put, control):
    control.knobs(share_failure="reject")
    assert put({"users_allowed": [{"username": "ghost"}]}).status == 400
    assert control.journal()["applications"] == []


def test_secret_echo(call, control):
    def shown():
        return call("GET", "/api/mysafe/secretapi/43").json["api_secret_entity"].get("client_secret")

    assert "*" not in shown()
    control.knobs(secret_echo="masked_middle")
    assert "***" in shown()
    control.knobs(secret_echo="omitted")
    assert shown() is None


def test_gated_read_and_no_access_code(call, control):
    assert call("GET", "/api/mysafe/secretapi/51").json["exception"]["code"] == 1006
    control.knobs(gated_read="allow", no_access_code="1005")
    assert call("GET", "/api/mysafe/secretapi/51").status == 200
    assert call("GET", "/api/mysafe/secretapi/48").json["exception"]["code"] == 1005


def test_update_inactive_core_and_post(put, call, control):
    assert put({"notes": "x"}, 47).status == 200
    control.knobs(update_inactive="1009", update_requires_core=True, update_accepts_post=True)
    assert put({"notes": "x", **CORE}, 47).json["exception"]["code"] == 1009
    assert put({"notes": "x"}).json["exception"]["code"] == 1001
    assert call("POST", "/api/mysafe/secretapi/update/43", CORE).status == 200


def test_empty_strings_and_nulls(put, control):
    put({"notes": "", "tags": None})
    assert (control.secret(43)["notes"], control.secret(43)["tags"]) == ("", "Cloud")
    assert put({"name": ""}).json["exception"]["code"] == 1001
    control.knobs(empty_string_policy="ignore", null_policy="clear")
    control.edit(43, notes="kept", tags="kept")
    put({"notes": ""})
    assert control.secret(43)["notes"] == "kept"
    assert put({"name": ""}).status == 200


def test_bad_json(call, control):
    assert call("PUT", "/api/mysafe/secretapi/update/43", raw=b"{").status == 200
    control.knobs(bad_json="400")
    assert call("PUT", "/api/mysafe/secretapi/update/43", raw=b"{").status == 400


def test_identifier_unique_scope(put, control):
    assert put({"identifier_code": "trea51"}).json["exception"]["code"] == 1001
    assert put({"identifier_code": "hyga125"}, 58).status == 200
    control.knobs(identifier_unique_scope="global")
    assert put({"identifier_code": "hyga125"}, 58).json["exception"]["code"] == 1001


def test_tags_and_listing(call, control):
    def listed(query):
        rows = call("GET", f"/api/mysafe/secretapi?{query}").json["api_secret_on_list"]
        return {row["identifier"] for row in rows}

    assert {"43", "44"} <= listed("tag=cloud")
    control.knobs(tag_match="exact")
    assert "43" not in listed("tag=cloud")
    control.knobs(tag_match="substring")
    assert "43" in listed("tag=lou")
    assert listed("identifier_code=trea51") == {"51"}
    assert listed("tag=none") == set()
    assert "47" not in listed("")
    control.knobs(list_includes_inactive=True)
    assert "47" in listed("")


def test_auth_failure_styles(anonymous, control):
    control.knobs(auth_failure_style="envelope401")
    assert anonymous("GET", "/api/mysafe/secretapi").json["response"]["message"] == "Inactive authorization"
    control.knobs(auth_failure_style="league401")
    answer = anonymous("GET", "/api/mysafe/secretapi")
    assert (answer.status, answer.json["error"]) == (401, "access_denied")


def test_oauth_styles(anonymous, control):
    control.knobs(oauth_error_style="envelope")
    assert anonymous.ask_token(client_secret="wrong").json["response"]["error"] is True
    control.knobs(oauth_error_style="null_token")
    assert anonymous.ask_token(client_secret="wrong").json["access_token"] is None
    control.knobs(oauth_allow_get=True, token_style="opaque", token_ttl=0)
    document = anonymous.ask_token(method="GET").json
    assert "." not in document["access_token"]
    assert "expires_in" not in document


def test_tenant_mode(anonymous, control):
    control.knobs(tenant_mode="param")
    assert anonymous.ask_token().status == 400
    assert anonymous.ask_token(tenant="acme").status == 200


@pytest.mark.parametrize("style", ["2.8", "3.4", "3.5+"])
def test_kong_versions(style, anonymous, control):
    control.knobs(kong_version_style=style)
    answer = anonymous("GET", "/elsewhere")
    assert answer.json["message"] == "no Route matched with those values"
    assert ("request_id" in answer.json) == (style == "3.5+")
    assert (b"\n" in answer.body) == (style != "2.8")
    control.knobs(kong_headers=False)
    assert anonymous("GET", "/elsewhere").headers["Server"] is None


@pytest.mark.parametrize(("style", "status"), [("envelope500", 500), ("kong403", 403), ("kong404", 404)])
def test_ip_block_style(style, status, call, control):
    control.knobs(ip_allow="10.0.0.1", ip_block_style=style)
    assert call("GET", "/api/mysafe/secretapi").status == status
    control.knobs(ip_allow="10.0.0.1, 127.0.0.1")
    assert call("GET", "/api/mysafe/secretapi").status == 200


def test_rate_limit(call, control):
    control.knobs(rate_limit=2)
    answers = [call("GET", "/api/mysafe/secretapi") for _ in range(4)]
    assert [answer.status for answer in answers][-1] == 429
    assert answers[-1].headers["Retry-After"] == "1"


def test_double_apply_on_504(put, control):
    control.knobs(double_apply_on_504=True)
    control.plan("504_after_apply", endpoint="update")
    assert put({"notes": "twice"}).status == 504
    journal = control.wait(lambda journal: len(journal["applications"]) == 2)
    assert sorted(each["replay"] for each in journal["applications"]) == [False, True]


@pytest.mark.parametrize(
    "wrong", [{"colour": 1}, {"error_dialect": "newest"}, {"token_ttl": "long"}, {"rate_limit": True}, {"bad_json": []}]
)
def test_wrong_knobs_are_named(wrong, control):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        control.knobs(**wrong)
    assert control.knobs() == Options().as_dict()
