"""Answers of the two reads, made typed values or typed errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from portal.vault.answers import (
    Answer,
    NoAnswer,
    document,
    envelope,
    error_number,
    flagged_error,
    is_refusal,
    is_unauthorised,
    same_status,
)
from portal.vault.entity import ApiSecret, ListedSecret, Malformed, Secret, from_wire, listed_from_wire
from portal.vault.errors import ReadRefused, Unauthorised, Unreachable, Unreadable, VaultError
from portal.vault.grants import NoToken

_ENTITY_KEYS = ("api_secret_entity", "api_entity")
_REFUSALS = {
    1005: "Segura has no such API secret, or does not show it to us",
    1006: "Segura does not let us read this API secret",
    1009: "this API secret is disabled in Segura",
}
Value = TypeVar("Value")


def listed(came: Answer | NoAnswer | NoToken) -> list[ListedSecret]:
    """The rows of the list. Raises VaultError; one broken row makes the list Unreadable."""
    return _take(came, _rows)


def one(identifier: int, came: Answer | NoAnswer | NoToken) -> ApiSecret:
    """The entity asked for, and no other. Raises VaultError."""

    def entity(doc: Mapping[str, Any]) -> ApiSecret:
        secret = from_wire(_entity(doc))
        if secret.identifier != identifier:
            raise Malformed("the answer is about another API secret")
        return secret

    return _take(came, entity)


def taken_from_scim(came: Answer | NoAnswer | NoToken, parse: Callable[[Mapping[str, Any]], Value]) -> Value:
    """What `parse` makes of a SCIM answer, which has no envelope. Raises VaultError."""
    return _take(came, parse, _scim_problem)


def secrets_in(came: Answer | NoAnswer) -> tuple[Secret, ...]:
    """The client_secret that an answer shows, so that no text quoting it is kept."""
    doc = document(came) if isinstance(came, Answer) else None
    value = _entity(doc).get("client_secret") if doc else None
    return (Secret(value),) if isinstance(value, str) and value else ()


def _entity(doc: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in _ENTITY_KEYS:
        if isinstance(doc.get(key), dict):
            return doc[key]  # type: ignore[no-any-return]
    return {}


def _rows(doc: Mapping[str, Any]) -> list[ListedSecret]:
    rows = doc.get("api_secret_on_list")
    if not isinstance(rows, list):
        raise Malformed("the answer holds no list")
    return [listed_from_wire(row) for row in rows]


def _take(
    came: Answer | NoAnswer | NoToken,
    parse: Callable[[Mapping[str, Any]], Value],
    objection: Callable[[Answer], VaultError | None] | None = None,
) -> Value:
    if isinstance(came, NoToken):
        raise came.as_read_error()
    if isinstance(came, NoAnswer):
        raise (Unreadable if came.sent else Unreachable)(came.reason, alarm=came.alarm)
    problem = (objection or _problem)(came)
    if problem is None:
        try:
            return parse(document(came) or {})
        except Malformed as error:
            problem = Unreadable(f"Segura's answer is not as agreed: {error}", status=came.status)
    raise problem


def _problem(came: Answer) -> VaultError | None:
    doc = document(came)
    inner = envelope(doc)
    status, number = came.status, error_number(doc)
    if is_unauthorised(came):
        return Unauthorised(
            "Segura did not accept our access token: check the access key and SEGURA_URL", status=status, alarm=True
        )
    if is_refusal(came, doc):
        text = _REFUSALS.get(number or 0, "Segura declined to show this API secret")
        return ReadRefused(text, status=status, number=number)
    if came.flaw:
        return Unreadable(came.flaw, status=status)
    if status != 200:
        return Unreadable(f"Segura answered {status}", status=status, number=number, alarm=300 <= status < 400)
    if doc is None or inner is None or flagged_error(inner) or not same_status(came, doc):
        return Unreadable("Segura answered 200, but not with what was asked for", status=status)
    return None


def _scim_problem(came: Answer) -> VaultError | None:
    status = came.status
    if is_unauthorised(came) or status == 403:
        return Unauthorised("Segura did not let the SCIM client read its directory", status=status, alarm=True)
    if came.flaw:
        return Unreadable(came.flaw, status=status)
    if status != 200:
        return Unreadable(f"Segura answered {status}", status=status, alarm=300 <= status < 400)
    return None
