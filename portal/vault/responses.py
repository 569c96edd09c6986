"""What came back over HTTP, and how Segura's and its gateway's bodies are read (contract 4, 8)."""

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
    """An HTTP answer whose status line arrived whole.

    `flaw` says why the body can't be used (cut, too long, too slow, no headers); the body is empty then. `damaged`:
    the body was not valid UTF-8, so its letters prove nothing. It may show a client_secret in clear, so it is a Secret.
    """

    status: int
    body: SecretStr
    retry_after: str = ""
    flaw: str = ""
    damaged: bool = False


@dataclass(frozen=True)
class NoResponse:
    """An exchange without an answer. `sent` is False only if no byte of the request can have left."""

    reason: str
    sent: bool
    alarm: bool = False


def json_document(answer: SeguraResponse) -> Mapping[str, Any] | None:
    """The answer's JSON object, or None if the body is anything else."""
    try:
        parsed = json.loads(answer.body.reveal(), parse_int=_whole)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def segura_envelope(doc: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Segura's `response` object; None means that the gateway, or something else, answered."""
    inner = doc.get("response") if doc else None
    return inner if isinstance(inner, dict) else None


def is_scim(doc: Mapping[str, Any] | None) -> bool:
    """Whether it is one of SCIM's, a list or an error."""
    return doc is not None and isinstance(doc.get("schemas"), list)


def envelope_code(doc: Mapping[str, Any] | None) -> int | None:
    """Segura's own `code`, at the top of the document."""
    return _integer(doc.get("code")) if doc else None


def segura_error_code(doc: Mapping[str, Any] | None) -> int | None:
    """Segura's four-digit error number: `exception.code`, else the start of the message (contract 4)."""
    if doc is None:
        return None
    exception = doc.get("exception")
    number = _integer(exception.get("code")) if isinstance(exception, dict) else None
    if number is not None and 1000 <= number <= 9999:
        return number
    found = _NUMBERED.match(response_message(doc))
    return int(found.group(1)) if found else None


def response_message(doc: Mapping[str, Any] | None) -> str:
    """What a person is told: Segura's message, the gateway's, the token endpoint's or SCIM's; "" if none."""
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
    """The bare `message` of a gateway's answer, lower case; "" for Segura's own answers."""
    if doc is None or "response" in doc:
        return ""
    return response_message(doc).lower()


def has_error_flag(inner: Mapping[str, Any]) -> bool:
    """Whether either spelling of the error flag is anything but a plain False (or absent)."""
    flags = (inner.get("error", False), inner.get("erro", False))
    codes = (inner.get("error_code", 0), inner.get("cod_erro", 0))
    return any(flag is not False for flag in flags) or any(code not in (0, "0", None) for code in codes)


def status_matches_body(answer: SeguraResponse, doc: Mapping[str, Any]) -> bool:
    """Whether the numbers that the body gives, where it gives any, are the status line's."""
    inner = segura_envelope(doc) or {}
    given = [source[key] for source, key in ((doc, "code"), (inner, "status")) if key in source]
    return all(_integer(value) == answer.status for value in given)


def is_refusal(answer: SeguraResponse, doc: Mapping[str, Any] | None) -> bool:
    """Whether Segura itself declined: a 400 with its envelope, error flag and number (contract 7)."""
    inner = segura_envelope(doc)
    if answer.status != 400 or doc is None or inner is None:
        return False
    flagged = inner.get("error") is True or inner.get("erro") is True
    return flagged and status_matches_body(answer, doc) and segura_error_code(doc) is not None


def is_unauthorised(answer: SeguraResponse) -> bool:
    """Whether our token was not taken: a 401, or the gateway's "no Route matched" (contract 8)."""
    if answer.status == 401:
        return True
    return answer.status == 404 and "no route matched" in gateway_message(json_document(answer))


def why_unauthorised(answer: SeguraResponse, route: str) -> str:
    """Why a call was not let in: of the gateway's 404 nobody knows whether `route` or the token is to blame."""
    if answer.status == 404:
        return f"the gateway has no route for {route}, or did not accept our access token: check both, and SEGURA_URL"
    return "Segura did not accept our access token: check the access key and SEGURA_URL"


def _whole(digits: str) -> float:
    """A number of any length: Python refuses to make an int of thousands of digits, and with it the whole answer."""
    return int(digits) if len(digits) < _MOST_DIGITS else math.inf


def is_about_item(answer: SeguraResponse, doc: Mapping[str, Any] | None) -> bool:
    """Whether Segura itself answered about what was asked for, so that the connection is not at fault.

    Its envelope with another error code than 0 or 1 speaks of the whole access: the route, the address, the referer.
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
