"""The stand-in speaks SCIM as RFC 7644 and Segura's pages have it."""

from __future__ import annotations

import pytest

from portal.sandbox import Control

from .conftest import Caller

SCHEMAS = "urn:ietf:params:scim:api:messages:2.0:"


@pytest.fixture
def scim(anonymous: Caller) -> Caller:
    sandbox = anonymous.sandbox
    client = {"client_id": sandbox.scim_client_id, "client_secret": sandbox.scim_client_secret}
    anonymous.token = anonymous.ask_token("/iso/oauth2/token", **client).json["access_token"]
    return anonymous


def test_lists_come_by_pages_of_what_was_asked_for_and_no_more_than_the_server_gives(
    scim: Caller, control: Control
) -> None:
    control.knobs(scim_page=4)
    first = scim("GET", "/iso/scim/v2/Users?startIndex=1&count=200").json
    assert first["schemas"] == [SCHEMAS + "ListResponse"]
    assert (first["totalResults"], first["startIndex"], first["itemsPerPage"]) == (11, 1, 4)
    last = scim("GET", "/iso/scim/v2/Users?startIndex=9").json
    assert [user["userName"] for user in last["Resources"]] == ["svc-backup", "svc-portal", "tnakamura"]
    assert scim("GET", "/iso/scim/v2/Users?count=0").json["Resources"] == []
    assert scim("GET", "/iso/scim/v2/Groups?startIndex=-3&count=x").json["startIndex"] == 1
    assert scim("GET", "/iso/scim/v2/Users?startIndex=99").json["Resources"] == []


def test_one_entry_the_service_and_what_is_not_there(scim: Caller) -> None:
    group = scim("GET", "/iso/scim/v2/Groups").json["Resources"][0]
    assert scim("GET", f"/iso/scim/v2/Groups/{group['id']}").json == group
    missing = scim("GET", "/iso/scim/v2/Users/0")
    assert (missing.status, missing.json["schemas"], missing.json["status"]) == (404, [SCHEMAS + "Error"], "404")
    assert scim("GET", "/iso/scim/v2/ServiceProviderConfig").json["patch"] == {"supported": False}
    assert scim("POST", "/iso/scim/v2/Users", {}).status == 404


def test_media_type_is_scims_for_who_asks_for_it(scim: Caller) -> None:
    kinds = [
        scim("GET", "/iso/scim/v2/Users", Accept=kind).headers["Content-Type"]
        for kind in ("*/*", "application/scim+json")
    ]
    assert [kind.partition(";")[0] for kind in kinds] == ["application/json", "application/scim+json"]


def test_token_of_the_access_key_is_refused_unless_the_knob_says_otherwise(call: Caller, control: Control) -> None:
    refused = call("GET", "/iso/scim/v2/Users")
    assert (refused.status, refused.json["schemas"]) == (401, [SCHEMAS + "Error"])
    control.knobs(scim_own_client=False)
    assert call("GET", "/iso/scim/v2/Users").status == 200


def test_token_of_the_scim_client_does_not_open_the_vault(scim: Caller) -> None:
    assert scim("GET", "/api/mysafe/secretapi").status == 404
