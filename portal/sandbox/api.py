"""Simulation of the six MySafe endpoints, SCIM, and the gateway in front of them (contract 5, 7, 8, 10).

A request's change is returned as an effect, so that a fault can apply the change before the answer, after it or never.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

from portal.sandbox import replies, scim
from portal.sandbox.options import Options
from portal.sandbox.replies import Reply
from portal.sandbox.store import SERVICE_USER, Item, Known, SecretStore, apply_update
from portal.sandbox.tokens import TokenIssuer

CORE = ("name", "url", "client_id")
_ROUTES = (
    ("token", None, re.compile(r"/(?:api|iso)/oauth2/token/?")),
    ("list", "GET", re.compile(r"/(?:api|iso)/mysafe/secretapi/?")),
    ("create", "POST", re.compile(r"/(?:api|iso)/mysafe/secretapi/?")),
    ("update", "PUT", re.compile(r"/(?:api|iso)/mysafe/secretapi/update/(?P<id>[^/]*)/?")),
    ("update", "POST", re.compile(r"/(?:api|iso)/mysafe/secretapi/update/(?P<id>[^/]*)/?")),
    ("inactive", "POST", re.compile(r"/(?:api|iso)/mysafe/secretapi/inactive/(?P<id>[^/]*)/?")),
    ("active", "POST", re.compile(r"/(?:api|iso)/mysafe/secretapi/active/(?P<id>[^/]*)/?")),
    ("get", "GET", re.compile(r"/(?:api|iso)/mysafe/secretapi/(?P<id>[^/]+)/?")),
    ("scim_users", "GET", re.compile(r"/iso/scim/v2/Users(?:/(?P<id>[^/]+))?/?")),
    ("scim_groups", "GET", re.compile(r"/iso/scim/v2/Groups(?:/(?P<id>[^/]+))?/?")),
    ("scim_config", "GET", re.compile(r"/iso/scim/v2/ServiceProviderConfig/?")),
    ("unknown", None, re.compile(r"/(?:api|iso)/mysafe/.*")),
)


@dataclass(frozen=True)
class Request:
    """HTTP request. Header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = "127.0.0.1"


Effect = Callable[[], Item]


@dataclass(frozen=True)
class PendingReply:
    """Prepared answer, and the function that applies its change (None if it changes nothing)."""

    reply: Reply
    effect: Effect | None = None


class Refusal(Exception):
    """Failure that is answered with `reply`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def parse_route(method: str, path: str) -> tuple[str, str]:
    """Return the endpoint's name and the identifier in the path; ("", "") if the gateway has no route."""
    for name, verb, pattern in _ROUTES:
        found = pattern.fullmatch(path)
        if found and verb in (None, method):
            return name, found.groupdict().get("id") or ""
    return "", ""


def parse_json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body; None if the body is anything else."""
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


class Api:
    """Segura's API, as the portal's access key sees it."""

    def __init__(self, items: SecretStore, grants: TokenIssuer, known: Known) -> None:
        self.items, self.grants, self.known = items, grants, known
        self.knobs = Options()
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()

    def prepare(self, request: Request) -> PendingReply:
        """Return the answer and its effect; change nothing except the list of issued tokens."""
        knobs = self.knobs
        name, identifier = parse_route(request.method, request.path)
        try:
            self._gateway(name, request, knobs)
            if name == "token":
                reply = self.grants.ask(request.method, request.headers, request.query, request.body, knobs)
                return PendingReply(replies.through_gateway(reply, knobs))
            prepared = self._dispatch(name, identifier, request, knobs)
        except Refusal as refusal:
            return PendingReply(refusal.reply)
        return replace(prepared, reply=replies.through_gateway(prepared.reply, knobs))

    def _gateway(self, name: str, request: Request, knobs: Options) -> None:
        if not name or (name == "update" and request.method == "POST" and not knobs.update_accepts_post):
            raise Refusal(replies.gateway_reply(404, knobs))
        if knobs.rate_limit and self._over(knobs.rate_limit):
            limits = {"Retry-After": "1", "RateLimit-Limit": str(knobs.rate_limit), "RateLimit-Remaining": "0"}
            raise Refusal(replies.gateway_reply(429, knobs, limits))
        if knobs.ip_allow != "*" and request.address not in re.split(r"[,\s]+", knobs.ip_allow):
            raise Refusal(self._blocked(knobs))
        if name == "token":
            return
        for_scim, shown = name.startswith("scim_"), request.headers.get("authorization", "")
        if not self.grants.accepts(shown, scim=for_scim, any_client=not knobs.scim_own_client):
            text = "Invalid or expired token"
            raise Refusal(
                replies.through_gateway(scim.scim_error_reply(401, text), knobs)
                if for_scim
                else self._unauthorised(knobs)
            )

    def _over(self, limit: int) -> bool:
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] < now - 1:
                self._recent.popleft()
            if len(self._recent) >= limit:
                return True
            self._recent.append(now)
            return False

    @staticmethod
    def _blocked(knobs: Options) -> Reply:
        if knobs.ip_block_style == "envelope500":
            return replies.error_reply(500, "The IP is not allowed", None, knobs, error_code=1105)
        return replies.gateway_reply(403 if knobs.ip_block_style == "kong403" else 404, knobs)

    @staticmethod
    def _unauthorised(knobs: Options) -> Reply:
        if knobs.auth_failure_style == "envelope401":
            return replies.error_reply(401, "Inactive authorization", None, knobs)
        if knobs.auth_failure_style == "league401":
            text = "The resource owner or authorization server denied the request."
            return replies.oauth_error_reply(401, "access_denied", text, "Access token is invalid")
        return replies.gateway_reply(404, knobs)

    def _dispatch(self, name: str, identifier: str, request: Request, knobs: Options) -> PendingReply:
        if name.startswith("scim_"):
            accept = request.headers.get("accept", "")
            return PendingReply(scim.scim_reply(name, identifier, request.query, accept, self.known, knobs))
        if name == "list":
            return self._list(request, knobs)
        if name == "create":
            return self._create(self._sent(request, knobs), knobs)
        if name == "unknown":
            raise Refusal(replies.error_reply(404, "Resource sub not found", None, knobs, error_code=4))
        item = self._visible(identifier, knobs)
        if name == "get":
            return self._get(item, knobs)
        if not item.writable:
            raise _refusal(1006, "User does not have access", knobs)
        if name == "update":
            return self._update(item, self._sent(request, knobs), knobs)
        return self._toggle(item, active=name == "active")

    @staticmethod
    def _sent(request: Request, knobs: Options) -> dict[str, Any]:
        sent = parse_json_object(request.body)
        if sent is None and knobs.bad_json == "400":
            raise Refusal(replies.error_reply(400, "Malformed JSON", None, knobs))
        return sent or {}

    def _visible(self, identifier: str, knobs: Options) -> Item:
        if not identifier.isascii() or not identifier.isdigit():
            raise _refusal(1010, "Unexpected identifier type", knobs)
        item = self.items.get(int(identifier[:18]))
        if item is None or (item.access == "none" and knobs.no_access_code == "1005"):
            raise _refusal(1005, "API secret not found" if _old_case(knobs) else "Api secret not found", knobs)
        if item.access == "none":
            raise _refusal(1006, "User does not have access", knobs)
        return item

    def _list(self, request: Request, knobs: Options) -> PendingReply:
        asked = {key: values[0] for key, values in parse_qs(request.query).items()}
        rows = [
            {
                "identifier": str(item.identifier), "name": item.name,
                "need_justify": str(int(item.need_justify)), "need_approval": str(int(item.need_approval)),
                "can_view": True, "can_write": item.writable,
            }
            for item in self.items.all()
            if item.access != "none"
            and (item.active or knobs.list_includes_inactive)
            and _asked_for(item, asked, knobs)
        ]  # fmt: skip
        return PendingReply(replies.success_reply(200, "", {"api_secret_on_list": rows}))

    @staticmethod
    def _get(item: Item, knobs: Options) -> PendingReply:
        if (item.need_justify or item.need_approval) and knobs.gated_read == "1006":
            raise _refusal(1006, "User does not have access", knobs)
        if not item.active:
            raise _inactive(knobs)
        shown = {"api_secret_entity": replies.entity_json(item, knobs, written=False)}
        reply = replies.success_reply(200, "Success", shown)
        if knobs.get_one_message_key == "Message":
            document = json.loads(reply.body)
            document["response"]["Message"] = document["response"].pop("mensagem")
            reply = replies.as_json(200, document)
        return PendingReply(reply)

    def _create(self, sent: dict[str, Any], knobs: Options) -> PendingReply:
        _demand_core(sent, CORE, knobs)
        blank = Item(identifier=0, name="", owner=SERVICE_USER)
        item, failed = apply_update(blank, sent, knobs, self.known)
        self._demand_unique(item, sent, knobs)
        number = max((each.identifier for each in self.items.all()), default=0) + 1
        shown = replies.entity_json(replace(item, identifier=number), knobs, written=True)
        shown["shared_error"] = replies.shared_error(failed, knobs)
        reply = replies.success_reply(201, "Api secret successfully registered", {"api_entity": shown})
        return PendingReply(reply, lambda: self.items.add(item))

    def _update(self, item: Item, sent: dict[str, Any], knobs: Options) -> PendingReply:
        if not item.active and knobs.update_inactive == "1009":
            raise _inactive(knobs)
        present = [name for name in CORE if name in sent]
        emptied = knobs.empty_string_policy == "clear"
        _demand_core(sent, CORE if knobs.update_requires_core else present if emptied else (), knobs)
        after, failed = apply_update(item, sent, knobs, self.known)
        self._demand_unique(after, sent, knobs)
        if failed and knobs.share_failure == "reject":
            raise _refusal(1001, f"Parameter '{failed[0]}' was not found!", knobs)
        style = knobs.update_success_style
        shown = replies.entity_json(item if style == "201_stale_body" else after, knobs, written=True)
        shown["shared_error"] = replies.shared_error(failed, knobs)
        message = "Api secret updated successfully" if style == "200_updated" else "Api secret successfully registered"
        reply = replies.success_reply(200 if style == "200_updated" else 201, message, {"api_entity": shown})
        return PendingReply(reply, lambda: self.items.update(item.identifier, sent, knobs, self.known))

    def _toggle(self, item: Item, *, active: bool) -> PendingReply:
        if item.active == active:
            word = "activated" if active else "deactivated"
            return PendingReply(replies.success_reply(200, f"Api secret has already been {word}"))
        text = "Api secret activated successfully" if active else "Api secret successfully deactivated"
        return PendingReply(
            replies.success_reply(200, text), lambda: self.items.edit(item.identifier, {"active": active})
        )

    def _demand_unique(self, item: Item, sent: Mapping[str, Any], knobs: Options) -> None:
        if not sent.get("identifier_code"):
            return
        for other in self.items.all():
            rival = other.identifier != item.identifier and other.identifier_code == item.identifier_code
            if rival and (knobs.identifier_unique_scope == "global" or other.owner == item.owner):
                subject = "'Identifier'" if _old_case(knobs) else "Identifier"
                raise _refusal(1001, f"{subject} already found in another API key of this user", knobs)


def _asked_for(item: Item, asked: Mapping[str, str], knobs: Options) -> bool:
    if "identifier_code" in asked and item.identifier_code != asked["identifier_code"]:
        return False
    tag = asked.get("tag")
    if tag is None:
        return True
    if knobs.tag_match == "substring":
        return tag in item.tags
    tokens = [each.strip() for each in item.tags.split(",")]
    if knobs.tag_match == "exact":
        return tag in tokens
    return tag.lower() in [each.lower() for each in tokens]


def _demand_core(sent: Mapping[str, Any], names: tuple[str, ...] | list[str], knobs: Options) -> None:
    for name in names:
        if sent.get(name) is None and name in sent and knobs.null_policy == "omit" and not knobs.update_requires_core:
            continue
        if not sent.get(name):
            raise _refusal(1001, f"Parameter '{name}' was not informed!", knobs)


def _refusal(number: int, text: str, knobs: Options) -> Refusal:
    return Refusal(replies.through_gateway(replies.error_reply(400, f"{number}: {text}", number, knobs), knobs))


def _inactive(knobs: Options) -> Refusal:
    return _refusal(1009, "Inactive api secret" if _old_case(knobs) else "Inactive Api secret", knobs)


def _old_case(knobs: Options) -> bool:
    return knobs.message_case == "v3_32"
