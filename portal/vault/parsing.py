"""Parsers that turn the answers to reads into typed values or typed errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from portal.vault.entities import ApiSecret, ListedSecret, Malformed, SecretStr, parse_listed_secret, parse_secret
from portal.vault.errors import InvalidResponse, ReadRefused, Unauthorised, Unreachable, VaultError
from portal.vault.leftovers import Rows, read_rows
from portal.vault.outcomes import requested_wait_s
from portal.vault.responses import (
    NoResponse,
    SeguraResponse,
    has_error_flag,
    is_about_item,
    is_refusal,
    is_unauthorised,
    json_document,
    segura_envelope,
    segura_error_code,
    status_matches_body,
    why_unauthorised,
)
from portal.vault.token_errors import TokenUnavailable

_SECRET_KEYS = ("client_secret", "access_token")
_ENTITY_KEYS = ("api_secret_entity", "api_entity")
_REFUSALS = {
    1005: "Segura has no such API secret, or does not show it to us",
    1006: "Segura does not let us read this API secret",
    1009: "this API secret is disabled in Segura",
}
Value = TypeVar("Value")


def parse_list_response(came: SeguraResponse | NoResponse | TokenUnavailable) -> Rows[ListedSecret]:
    """Return the rows of the list, without malformed ones.

    Raises VaultError; a list of which no row can be read is an InvalidResponse.
    """
    return _take(came, _rows, partial(_problem, "GET api/mysafe/secretapi"))


def parse_secret_response(identifier: int, came: SeguraResponse | NoResponse | TokenUnavailable) -> ApiSecret:
    """Return the requested API secret and never another one. Raises VaultError."""

    def entity(doc: Mapping[str, Any]) -> ApiSecret:
        secret = parse_secret(_entity(doc))
        if secret.identifier != identifier:
            raise Malformed("the answer is about another API secret")
        return secret

    return _take(came, entity, partial(_problem, f"GET api/mysafe/secretapi/{identifier}"))


def parse_scim_response(
    came: SeguraResponse | NoResponse | TokenUnavailable, parse: Callable[[Mapping[str, Any]], Value]
) -> Value:
    """Return the result of `parse` for a SCIM answer, which has no envelope. Raises VaultError."""
    return _take(came, parse, _scim_problem)


def find_secret_values(came: SeguraResponse | NoResponse) -> tuple[SecretStr, ...]:
    """Return each client_secret and access_token anywhere in an answer, so that no stored text quotes one."""
    pending: list[Any] = [json_document(came)] if isinstance(came, SeguraResponse) else []
    found: list[SecretStr] = []
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            found += [secret for key in _SECRET_KEYS if key in node for secret in _scalars(node[key])]
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return tuple(found)


def _scalars(value: Any) -> Iterator[SecretStr]:
    """Yield the texts and numbers in a value of any shape."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, dict | list):
            pending += node.values() if isinstance(node, dict) else node
        elif isinstance(node, str | int | float) and not isinstance(node, bool) and node != "":
            yield SecretStr(str(node))


def _entity(doc: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in _ENTITY_KEYS:
        if isinstance(doc.get(key), dict):
            return doc[key]  # type: ignore[no-any-return]
    return {}


def _rows(doc: Mapping[str, Any]) -> Rows[ListedSecret]:
    raw = doc.get("api_secret_on_list")
    if not isinstance(raw, list):
        raise Malformed("the answer holds no list")
    seen: dict[int, ListedSecret] = {}

    def parse(row: object) -> ListedSecret:
        secret = parse_listed_secret(row)
        if seen.setdefault(secret.identifier, secret) != secret:
            raise Malformed("another row has the same identifier")
        return secret

    rows = read_rows(raw, parse)
    if raw and not rows:
        raise Malformed("no row of the list can be read")
    return rows


def _take(
    came: SeguraResponse | NoResponse | TokenUnavailable,
    parse: Callable[[Mapping[str, Any]], Value],
    objection: Callable[[SeguraResponse], VaultError | None],
) -> Value:
    if isinstance(came, TokenUnavailable):
        raise came.as_read_error()
    if isinstance(came, NoResponse):
        raise (InvalidResponse if came.sent else Unreachable)(came.reason, alarm=came.alarm)
    problem = objection(came)
    if problem is None:
        try:
            return parse(json_document(came) or {})
        except Malformed as error:
            problem = InvalidResponse(f"Segura's answer is not as agreed: {error}", status=came.status, about_item=True)
    problem.retry_after_s = requested_wait_s(came)
    raise problem


def _problem(route: str, came: SeguraResponse) -> VaultError | None:
    doc = json_document(came)
    inner = segura_envelope(doc)
    status, number = came.status, segura_error_code(doc)
    if is_unauthorised(came):
        return Unauthorised(why_unauthorised(came, route), status=status, alarm=True)
    if is_refusal(came, doc):
        text = _REFUSALS.get(number or 0, "Segura declined to show this API secret")
        return ReadRefused(text, status=status, number=number, about_item=True)
    about_item = is_about_item(came, doc)
    if came.flaw:
        return InvalidResponse(came.flaw, status=status, about_item=about_item)
    if status != 200:
        redirected = 300 <= status < 400
        text = f"Segura answered {status}"
        return InvalidResponse(text, status=status, number=number, alarm=redirected, about_item=about_item)
    if came.damaged:
        return InvalidResponse("the answer is not valid UTF-8", status=status, about_item=about_item)
    if doc is None or inner is None or has_error_flag(inner) or not status_matches_body(came, doc):
        text = "Segura answered 200, but not with what was asked for"
        return InvalidResponse(text, status=status, about_item=about_item)
    return None


def _scim_problem(came: SeguraResponse) -> VaultError | None:
    status = came.status
    if is_unauthorised(came) or status == 403:
        return Unauthorised("Segura did not let the SCIM client read its directory", status=status, alarm=True)
    if came.flaw:
        return InvalidResponse(came.flaw, status=status)
    if status != 200:
        return InvalidResponse(f"Segura answered {status}", status=status, alarm=300 <= status < 400)
    return InvalidResponse("the answer is not valid UTF-8", status=status) if came.damaged else None
