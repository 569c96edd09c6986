"""HTTP responses, and functions that read the bodies of Segura and its gateway (contract 4, 8)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.vault.entities import SecretStr

_MOST_DIGITS = 1000
TOO_LONG = "the answer is longer than"
_NUMBERED = re.compile(r"\s*([1-9][0-9]{3})\s*:", re.ASCII)


@dataclass(frozen=True)
class SeguraResponse:
    """HTTP answer whose status line arrived whole.

    `flaw` says why the body cannot be used (cut, too long, too slow, no headers); the body is empty then. `damaged`:
    the body was not valid UTF-8, so its text proves nothing. The body may contain a client_secret in clear, so it is a
    SecretStr.
    """

    status: int
    body: SecretStr
    retry_after: str = ""
    flaw: str = ""
    damaged: bool = False


@dataclass(frozen=True)
class NoResponse:
    """Exchange without an answer. `sent` is False only if no byte of the request can have been sent."""

    reason: str
    sent: bool
    alarm: bool = False


def json_document(answer: SeguraResponse) -> Mapping[str, Any] | None:
    """Return the answer's JSON object; None if the body is anything else."""
    try:
        parsed = json.loads(answer.body.reveal(), parse_int=_whole)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def segura_envelope(doc: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return Segura's `response` object; None if the gateway or another server answered."""
    inner = doc.get("response") if doc else None
    return inner if isinstance(inner, dict) else None


def is_scim(doc: Mapping[str, Any] | None) -> bool:
    """Return whether the document is a SCIM list or a SCIM error."""
    return doc is not None and isinstance(doc.get("schemas"), list)


def envelope_code(doc: Mapping[str, Any] | None) -> int | None:
    """Return Segura's own `code`, at the top level of the document."""
    return _integer(doc.get("code")) if doc else None


def segura_error_code(doc: Mapping[str, Any] | None) -> int | None:
    """Return Segura's four-digit error code: `exception.code`, else the start of the message (contract 4)."""
    if doc is None:
        return None
    exception = doc.get("exception")
    number = _integer(exception.get("code")) if isinstance(exception, dict) else None
    if number is not None and 1000 <= number <= 9999:
        return number
    found = _NUMBERED.match(response_message(doc))
    return int(found.group(1)) if found else None


def response_message(doc: Mapping[str, Any] | None) -> str:
    """Return the message of Segura, the gateway, the token endpoint or SCIM; "" if there is none."""
    if doc is None:
        return ""
    inner = segura_envelope(doc) or {}
    for source, key in (
        (inner, "message"),
        (inner, "mensagem"),
        (doc, "message"),
        (doc, "error_description"),
        (doc, "detail"),
    ):
        text = source.get(key)
        if isinstance(text, str) and text:
            return text
    return ""


def gateway_message(doc: Mapping[str, Any] | None) -> str:
    """Return the plain `message` of a gateway's answer in lower case; "" for Segura's own answers."""
    if doc is None or "response" in doc:
        return ""
    return response_message(doc).lower()


def has_error_flag(inner: Mapping[str, Any]) -> bool:
    """Return whether an error flag, in either spelling, is not False, or an error code is not 0."""
    flags = (inner.get("error", False), inner.get("erro", False))
    codes = (inner.get("error_code", 0), inner.get("cod_erro", 0))
    return any(flag is not False for flag in flags) or any(code not in (0, "0", None) for code in codes)


def status_matches_body(answer: SeguraResponse, doc: Mapping[str, Any]) -> bool:
    """Return whether the status numbers in the body, if there are any, equal the HTTP status."""
    inner = segura_envelope(doc) or {}
    given = [source[key] for source, key in ((doc, "code"), (inner, "status")) if key in source]
    return all(_integer(value) == answer.status for value in given)


def is_refusal(answer: SeguraResponse, doc: Mapping[str, Any] | None) -> bool:
    """Return whether Segura itself declined: a 400 with its envelope, error flag and error code (contract 7)."""
    inner = segura_envelope(doc)
    if answer.status != 400 or doc is None or inner is None:
        return False
    flagged = inner.get("error") is True or inner.get("erro") is True
    return flagged and status_matches_body(answer, doc) and segura_error_code(doc) is not None


def is_unauthorised(answer: SeguraResponse) -> bool:
    """Return whether the access token was not accepted: a 401, or the gateway's "no Route matched" (contract 8)."""
    if answer.status == 401:
        return True
    return answer.status == 404 and "no route matched" in gateway_message(json_document(answer))


def why_unauthorised(answer: SeguraResponse, route: str) -> str:
    """Return why a call was not authorised.

    For the gateway's 404 it is unknown whether `route` or the token is to blame.
    """
    if answer.status == 404:
        return f"the gateway has no route for {route}, or did not accept our access token: check both, and SEGURA_URL"
    return "Segura did not accept our access token: check the access key and SEGURA_URL"


def _whole(digits: str) -> float:
    """Return a number of any length: int() fails on thousands of digits, which would lose the whole answer."""
    return int(digits) if len(digits) < _MOST_DIGITS else math.inf


def is_about_item(answer: SeguraResponse, doc: Mapping[str, Any] | None) -> bool:
    """Return whether Segura itself answered about the requested item, so that the connection is not at fault.

    An envelope with an error code other than 0 or 1 concerns the whole access: the route, the address, the referer.
    """
    if is_unauthorised(answer):
        return False
    inner = segura_envelope(doc)
    if inner is None:
        return answer.flaw.startswith(TOO_LONG)
    return all(inner.get(name, 0) in (0, 1, "0", "1", None) for name in ("error_code", "cod_erro"))


def _integer(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return None
