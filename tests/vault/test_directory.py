"""The directory of users and groups over SCIM: pages, strictness, limits, and a token of its own client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from portal.sandbox import Sandbox
from portal.sandbox.store import Known
from portal.vault import DirectoryEntry, DirectoryKind, InvalidResponse, SecretStr, Unauthorised, Unreachable
from tests.vault.conftest import Watched

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@pytest.fixture
def scim(sandbox: Sandbox, connect: Callable[..., Watched]) -> Watched:
    return connect(
        client_id=sandbox.scim_client_id,
        client_secret=SecretStr(sandbox.scim_client_secret),
        token_url=sandbox.url + "iso/oauth2/token",
    )


@pytest.fixture
def large(connect: Callable[..., Watched]) -> Iterator[Watched]:
    """A company of 260."""
    with Sandbox(known=Known(frozenset(f"user{n:03}" for n in range(260)), frozenset())) as sandbox:
        yield connect(
            url=sandbox.url,
            client_id=sandbox.scim_client_id,
            client_secret=SecretStr(sandbox.scim_client_secret),
            token_url=sandbox.url + "iso/oauth2/token",
            deadline_s=5,
        )


def answered(sandbox: Sandbox, rows: object, **more: object) -> None:
    """The next list of users is this."""
    total = len(rows) if isinstance(rows, list) else 1
    body = {"schemas": [LIST], "totalResults": total, "startIndex": 1, "Resources": rows, **more}
    sandbox.control.plan(endpoint="scim_users", status=200, body=json.dumps(body))


def test_users_come_with_what_they_are_called_and_whether_they_are_active(scim: Watched) -> None:
    users = {user.name: user for user in scim.list_directory(DirectoryKind.USERS)}
    assert users["alices"] == DirectoryEntry("alices", "Alice Souza")
    assert not users["dpereira"].active
    groups = scim.list_directory(DirectoryKind.GROUPS)
    assert DirectoryEntry("Site Reliability", "Site Reliability") in groups
    assert [exchange.origin for exchange in scim.exchanges] == ["token", "segura", "segura"]
    assert scim.exchanges[1].path == "/iso/scim/v2/Users"


def test_directory_is_read_page_by_page_to_its_end(large: Watched) -> None:
    assert len(large.list_directory(DirectoryKind.USERS)) == 260
    assert len(large.exchanges) == 1 + 11
    assert large.list_directory(DirectoryKind.GROUPS) == []


def test_token_that_is_not_taken_any_more_is_renewed_once(scim: Watched, sandbox: Sandbox) -> None:
    scim.list_directory(DirectoryKind.USERS)
    sandbox.control.revoke_tokens()
    assert scim.list_directory(DirectoryKind.USERS)
    assert [exchange.status for exchange in scim.exchanges] == [200, 200, 401, 200, 200]
    assert scim.exchanges[2].message == "Invalid or expired token"


def test_access_key_of_the_vault_does_not_open_the_directory_nor_the_other_way_round(
    client: Watched, scim: Watched
) -> None:
    with pytest.raises(Unauthorised):
        client.list_directory(DirectoryKind.USERS)
    with pytest.raises(Unauthorised):
        scim.list_secrets()


@pytest.mark.parametrize(
    "rows",
    [
        {},
        [{"userName": ""}],
        [{"userName": None}],
        [{"userName": 7}],
        [{"userName": "x" * 501}],
        [{"userName": "ana", "active": "yes"}],
        [{"userName": "ana", "displayName": ["Ana"]}],
        ["ana"],
    ],
)
def test_directory_of_broken_entries_alone_is_unreadable(scim: Watched, sandbox: Sandbox, rows: object) -> None:
    answered(sandbox, rows)
    with pytest.raises(InvalidResponse, match="not as agreed"):
        scim.list_directory(DirectoryKind.USERS)


@pytest.mark.parametrize(
    "more",
    [
        {"schemas": ["urn:other"]},
        {"schemas": LIST},
        {"totalResults": "1"},
        {"totalResults": True},
        {"totalResults": 0},
        {"totalResults": 50_001},
        {"startIndex": 26},
    ],
)
def test_page_that_is_not_the_one_asked_for_is_refused(
    scim: Watched, sandbox: Sandbox, more: dict[str, object]
) -> None:
    answered(sandbox, [{"userName": "ana"}], **more)
    with pytest.raises(InvalidResponse, match="not as agreed"):
        scim.list_directory(DirectoryKind.USERS)


def test_server_that_repeats_its_first_page_or_stops_early_does_not_pass_for_a_whole_directory(
    scim: Watched, sandbox: Sandbox
) -> None:
    answered(sandbox, [{"userName": "ana"}], totalResults=2)
    answered(sandbox, [{"userName": "ana"}], totalResults=2)
    with pytest.raises(InvalidResponse, match="not the page"):
        scim.list_directory(DirectoryKind.USERS)
    answered(sandbox, [{"userName": "ana"}], totalResults=2)
    answered(sandbox, [], totalResults=2, startIndex=2)
    with pytest.raises(InvalidResponse, match="end too early"):
        scim.list_directory(DirectoryKind.USERS)


@pytest.mark.parametrize(
    "fault", ["broken_json", "502", "big_body", "cut_body", "html_201", "redirect:302:http://127.0.0.1:1/"]
)
def test_anything_else_is_unreadable(scim: Watched, sandbox: Sandbox, fault: str) -> None:
    sandbox.control.plan(fault, endpoint="scim_users")
    with pytest.raises(InvalidResponse):
        scim.list_directory(DirectoryKind.USERS)


def test_time_is_over_for_all_pages_together(large: Watched) -> None:
    with pytest.raises((Unreachable, InvalidResponse)):
        large.list_directory(DirectoryKind.USERS, ends_at=0)
    assert large.exchanges == []
