"""Another server of the same API: other habits, basic credentials, a tenant, TLS under the authority of the house."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox import Options, Sandbox
from portal.sandbox.store import Item
from tests.rig.portal import Portal
from tests.rig.visitor import Visitor, wait_until
from tests.vault.authority import make_tls

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("another segura")]

NEW_VALUE = "n3w+Client/Secret of the other server"
CLIENT_SECRET = "other: client/secret+%41&="  # Basic wants it form-encoded first, or it arrives as another one
CONTENTS = [
    Item(7001, "their-payments", "https://pay.other.example", "pay", "old-value-of-theirs", notes="Only they have it",
         method="post", users_allowed={"alices": True}, groups_allowed={"Payments": False}),
    Item(7002, "their-mail", "smtps://mail.other.example", "mail", "other-value-of-theirs", owner="alices",
         access="view"),
]  # fmt: skip

OLD_AND_BASIC = Options(
    update_success_style="201_registered", error_dialect="old", get_one_message_key="Message", message_case="v3_32",
    shared_error_style="message_strings", secret_echo="masked_middle", update_requires_core=False, bad_json="400",
    tag_match="exact", no_access_code="1005", auth_failure_style="league401", oauth_error_style="envelope",
    client_auth="basic", token_style="opaque", token_ttl=0, kong_version_style="3.5+", kong_headers=False,
    tenant_mode="param", tenant="another-house",
)  # fmt: skip
NEW_AND_BODY = Options(
    update_success_style="201_registered", secret_echo="omitted", shared_error_style="objects", client_auth="body",
    auth_failure_style="envelope401", oauth_error_style="null_token", token_ttl=6, kong_version_style="3.4",
    list_includes_inactive=True, null_policy="clear", identifier_unique_scope="global",
)  # fmt: skip


@contextmanager
def portal_at(segura: Sandbox, folder: Path, **env: str) -> Iterator[Portal]:
    """The portal as `make run` starts it, told by its environment alone to use this server."""
    known = {
        "SEGURA_URL": segura.url,
        "SEGURA_CLIENT_ID": segura.client_id,
        "SEGURA_CLIENT_SECRET": segura.client_secret,
    }
    with Portal(folder, {**known, **env}) as portal:
        yield portal


def another(knobs: Options, **options: Any) -> Sandbox:
    return Sandbox(knobs=knobs, seed=CONTENTS, client_id="other client", client_secret=CLIENT_SECRET, **options)


def carry_out(portal: Portal, segura: Sandbox) -> None:
    """The whole act: listed, read, proposed, approved, applied, on record."""
    assert set(portal.facts()["pids"]) == {"postgres", "redis", "web", "worker", "sealer", "beat"}
    assert "control_url" not in portal.facts()
    requester, approver, auditor = (
        Visitor.sign_in(portal.url, name, portal.accounts[name]) for name in ("requester", "approver", "auditor")
    )
    wait_until(lambda: "their-payments" in requester.get("/secrets/"), "the other server's list is mirrored")
    assert "stripe-webhook" not in requester.answer.text
    assert "Only they have it" in requester.get("/secrets/7001/")
    assert "may not edit" in requester.get("/secrets/7002/")

    requester.get("/secrets/7001/propose/")
    rows = {"users_allowed-1-name": "jsilva", "users_allowed-1-access": "edit"}
    requester.press("Review changes", url="https://pay.new.example", reason="They moved", secret_mode="enter",
                    client_secret=NEW_VALUE, **rows)  # fmt: skip
    change = requester.submit()
    approver.decide(change, "Approve")
    wait_until(lambda: "Segura confirmed the change" in requester.get(f"/changes/{change}/"), "it is applied")

    (update,) = segura.control.arrivals("update")
    assert update["keys"] == ["client_secret", "url", "users_allowed"]
    after = segura.control.secret(7001)
    assert after["url"] == "https://pay.new.example"
    assert after["client_secret_sha256"] == hashlib.sha256(NEW_VALUE.encode()).hexdigest()
    assert after["users_allowed"] == {"alices": True, "jsilva": True}
    assert after["groups_allowed"] == {"Payments": False}
    assert f'"attempt":"{update["attempt_id"]}"' in auditor.get(f"/audit/export.jsonl?change={change}&code=201")

    segura.control.plan("refuse:1001:Parameter 'x' was not found!", endpoint="update")
    change = requester.propose(7001, notes="refused in the dialect of this server")
    approver.decide(change, "Approve")
    wait_until(lambda: "Segura refused the change." in requester.get(f"/changes/{change}/"), "it is refused")
    assert "1001: Parameter […] was not found!" in requester.answer.text


def test_the_old_dialect_behind_basic_and_a_tenant_at_the_other_prefix(tmp_path: Path) -> None:
    with another(OLD_AND_BASIC) as segura:
        env = {
            "SEGURA_TOKEN_URL": segura.url + "iso/oauth2/token",
            "SEGURA_CLIENT_AUTH": "basic",
            "SEGURA_TENANT": "another-house",
        }
        with portal_at(segura, tmp_path, **env) as portal:
            carry_out(portal, segura)
        asked = {call["path"] for call in segura.control.arrivals("token")}
        assert asked == {"/iso/oauth2/token"}


def test_tls_under_an_authority_of_the_house(tmp_path: Path) -> None:
    certificate, key, authority, _ = make_tls(tmp_path)
    with another(NEW_AND_BODY, tls=(certificate, key)) as segura:
        assert segura.url.startswith("https://")
        with portal_at(segura, tmp_path, SEGURA_CA_BUNDLE=authority) as portal:
            carry_out(portal, segura)


def test_tls_under_an_unknown_authority_gets_no_word_of_the_portal(tmp_path: Path) -> None:
    certificate, key, _, _ = make_tls(tmp_path)
    with another(NEW_AND_BODY, tls=(certificate, key)) as segura, portal_at(segura, tmp_path) as portal:
        administrator = Visitor.sign_in(portal.url, "admin", portal.accounts["admin"])
        told = "certificate"
        wait_until(lambda: told in administrator.get("/secrets/").lower(), "the page says why the list is empty")
        assert segura.control.journal()["arrivals"] == []
