"""SCIM endpoints as Segura provides them (contract 10; RFC 7643 and 7644): pages of users and groups."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from portal.sandbox.options import Options
from portal.sandbox.replies import Reply, as_json
from portal.sandbox.store import Known

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def scim_reply(endpoint: str, identifier: str, query: str, accept: str, known: Known, knobs: Options) -> Reply:
    """Return a list, one of its entries, or the service provider's configuration."""
    if endpoint == "scim_config":
        return _typed(as_json(200, _CONFIG), accept)
    entries = _users(known) if endpoint == "scim_users" else _groups(known)
    if identifier:
        found = next((entry for entry in entries if entry["id"] == identifier), None)
        return (
            _typed(as_json(200, found), accept) if found else scim_error_reply(404, f"Resource {identifier} not found")
        )
    return _typed(as_json(200, _page(entries, query, knobs)), accept)


def scim_error_reply(status: int, detail: str) -> Reply:
    """Return SCIM's error body."""
    return as_json(status, {"schemas": [_ERROR], "detail": detail, "status": str(status)})


def _page(entries: list[dict[str, Any]], query: str, knobs: Options) -> dict[str, Any]:
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    start = max(1, _number(asked, "startIndex", 1))
    count = min(max(0, _number(asked, "count", knobs.scim_page)), knobs.scim_page)
    shown = entries[start - 1 : start - 1 + count]
    numbers = {"totalResults": len(entries), "startIndex": start, "itemsPerPage": len(shown)}
    return {"schemas": [_LIST], **numbers, "Resources": shown}


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "")
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 10 else default


def _users(known: Known) -> list[dict[str, Any]]:
    return [
        {
            "schemas": [_CORE + "User"],
            "id": _id(name),
            "userName": name,
            "displayName": known.people.get(name, name),
            "active": name not in known.inactive,
            "groups": [],
            "meta": {"resourceType": "User"},
        }
        for name in sorted(known.users | known.inactive)
    ]


def _groups(known: Known) -> list[dict[str, Any]]:
    return [
        {
            "schemas": [_CORE + "Group"],
            "id": _id(name),
            "displayName": name,
            "members": [],
            "meta": {"resourceType": "Group"},
        }
        for name in sorted(known.groups)
    ]


def _id(name: str) -> str:
    return str(int(hashlib.sha256(name.encode()).hexdigest()[:7], 16))


def _typed(reply: Reply, accept: str) -> Reply:
    """Return the answer with SCIM's media type if the client accepts it."""
    if "scim+json" not in accept:
        return reply
    return Reply(reply.status, reply.body, {**reply.headers, "Content-Type": "application/scim+json; charset=utf-8"})


_CONFIG = {
    "schemas": [_CORE + "ServiceProviderConfig"],
    "patch": {"supported": False},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": False, "maxResults": 0},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": False},
    "authenticationSchemes": [{"type": "oauthbearertoken", "name": "OAuth Bearer Token"}],
}
