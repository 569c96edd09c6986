"""Outcomes of an update: the classification of Segura's answer, as a pure function.

Only evidence counts. An answer that is not listed here has an unknown outcome (InDoubt) until a read-back settles it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from portal.vault.entities import SECRET_FIELD, SHARE_FIELDS, Malformed, Patch, parse_field, parse_identifier
from portal.vault.responses import (
    NoResponse,
    SeguraResponse,
    envelope_code,
    gateway_message,
    has_error_flag,
    is_about_item,
    is_refusal,
    is_unauthorised,
    json_document,
    response_message,
    segura_envelope,
    segura_error_code,
    status_matches_body,
    why_unauthorised,
)
from portal.vault.scrubbing import Scrubber, keep_number

_DECLINED = frozenset({400, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431})
"""HTTP statuses that decline this very request, so that repeating it would get the same answer."""
_REFUSALS = frozenset({1001, 1005, 1006, 1009, 1010})
"""Segura's documented refusals (contract 7)."""
LONGEST_RETRY_AFTER = timedelta(hours=1)
_NEVER_TRIED = ("failure to get a peer from the ring-balancer", "name resolution failed")
"""Messages that Kong sends only before its first try.

For a retry without a peer Kong says "The upstream server is currently unavailable", and it replays a PUT whose first
try may have been executed, so that text proves nothing.
"""


@dataclass(frozen=True, kw_only=True)
class _Known:
    """Common fields of all outcomes.

    `status`: HTTP status or None; `number`: Segura error code; `message`: text of the answer; `reason`: the portal's
    own sentence; `alarm`: an operator should check it now; `retry_after_s`: seconds that Segura asks to wait;
    `about_item`: Segura itself answered about this secret, so the connection works.

    `code` is the identifier stored in rows, events, spool files and metrics; it stays when a class is renamed.
    """

    code: ClassVar[str]
    status: int | None = None
    number: int | None = None
    message: str = ""
    reason: str = ""
    alarm: bool = False
    retry_after_s: float | None = None
    about_item: bool = False


@dataclass(frozen=True, kw_only=True)
class Applied(_Known):
    """Success that Segura's answer states consistently.

    `unseen`: fields whose new value the answer does not show.
    """

    code = "applied"
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AppliedUnverified(_Known):
    """Applied update whose answer has `differences` (field names) or failed shares (`shared_error`): read back."""

    code = "applied_unverified"
    differences: tuple[str, ...] = ()
    shared_error: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refused(_Known):
    """Refusal by Segura with an error code. Final."""

    code = "refused"


@dataclass(frozen=True, kw_only=True)
class RefusedCheck(_Known):
    """Answer that declines but proves nothing by itself: read back.

    Sending the request again would get the same answer.
    """

    code = "refused_unverified"


@dataclass(frozen=True, kw_only=True)
class NotSent(_Known):
    """Update of which no byte was sent. Try again later.

    `wait_is_requested`: the portal did not try, because Segura has asked to wait.
    """

    code = "not_sent"
    wait_is_requested: bool = False


@dataclass(frozen=True, kw_only=True)
class NotApplied(_Known):
    """Update that Segura certainly did not execute. Try again, after `retry_after_s` seconds if given."""

    code = "not_applied"


@dataclass(frozen=True, kw_only=True)
class InDoubt(_Known):
    """Update that Segura may have executed, may still execute, or did not execute."""

    code = "in_doubt"


Outcome = Applied | AppliedUnverified | Refused | RefusedCheck | NotSent | NotApplied | InDoubt


def classify_update(identifier: int, patch: Patch, came: SeguraResponse | NoResponse, scrub: Scrubber) -> Outcome:
    """Return the outcome of one update of `identifier`. Pure, except that an HTTP date needs the current time."""
    if isinstance(came, NoResponse):
        if came.sent:
            return InDoubt(reason=came.reason, alarm=came.alarm)
        return NotSent(reason=came.reason, alarm=came.alarm)
    return replace(_judge(identifier, patch, came, scrub), retry_after_s=requested_wait_s(came))


def requested_wait_s(came: SeguraResponse | NoResponse) -> float | None:
    """Return the seconds that an answer asks to wait before the next call; None if it does not."""
    return parse_retry_after(came.retry_after) if isinstance(came, SeguraResponse) and came.status >= 300 else None


def _judge(identifier: int, patch: Patch, came: SeguraResponse, scrub: Scrubber) -> Outcome:
    doc = json_document(came)
    said = scrub(response_message(doc))
    number = keep_number(segura_error_code(doc), scrub)
    if came.status in (200, 201):
        return _judge_success(identifier, patch, came, doc, scrub)
    if is_unauthorised(came):
        reason = why_unauthorised(came, f"PUT api/mysafe/secretapi/update/{identifier}")
        return NotApplied(status=came.status, number=number, message=said, alarm=True, reason=reason)
    if came.status == 429 or (came.status == 503 and gateway_message(doc) in _NEVER_TRIED):
        reason = "the gateway is limiting our calls" if came.status == 429 else "the gateway has no Segura behind it"
        return NotApplied(status=came.status, number=number, message=said, reason=reason)
    if is_refusal(came, doc):
        return Refused(status=came.status, number=number, message=said, reason="Segura declined the change")
    about_item = is_about_item(came, doc)
    reason = came.flaw or _unproven(came.status)
    if came.status in _DECLINED:
        return RefusedCheck(status=came.status, number=number, message=said, reason=reason, about_item=about_item)
    redirected = 300 <= came.status < 400
    if redirected:
        reason = "redirected: not followed, check SEGURA_URL"
    return InDoubt(
        status=came.status, number=number, message=said, reason=reason, alarm=redirected, about_item=about_item
    )


def parse_retry_after(header: str, now: datetime | None = None) -> float | None:
    """Return the seconds to wait by a Retry-After header (seconds or HTTP date), at most one hour.

    Returns None if the header is empty or invalid.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        wait = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        wait = (until - (now or datetime.now(UTC))).total_seconds()
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER.total_seconds())


def find_echo_differences(patch: Patch, echo: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the non-secret fields of the patch whose echo is missing or differs; the order of shares is ignored.

    A client secret is not compared, because Segura may mask, encrypt or omit it.
    """
    return tuple(name for name in patch if name != SECRET_FIELD and not _echoed(name, patch, echo))


def _echoed(name: str, patch: Patch, echo: Mapping[str, Any]) -> bool:
    if name not in echo:
        return False
    try:
        came = parse_field(name, echo[name])
    except Malformed:
        return False
    sent = patch[name]
    if name in SHARE_FIELDS and isinstance(came, tuple) and isinstance(sent, tuple):
        return sorted(came) == sorted(sent)
    return came == sent


def _judge_success(
    identifier: int, patch: Patch, came: SeguraResponse, doc: Mapping[str, Any] | None, scrub: Scrubber
) -> Outcome:
    """Classify a 200 or 201, which proves nothing unless code, flags and identifier all agree (contract 11.2)."""
    said = scrub(response_message(doc))
    entity = doc.get("api_entity") if doc else None
    doubt = came.flaw or _contradiction(identifier, came, doc)
    if doubt or not isinstance(entity, dict):
        kind = RefusedCheck if _says_no(doc) else InDoubt
        number, about_item = keep_number(segura_error_code(doc), scrub), is_about_item(came, doc)
        return kind(status=came.status, number=number, message=said, reason=doubt, about_item=about_item)
    differing = find_echo_differences(patch, entity)
    failed_shares = _failed_shares(entity.get("shared_error"), scrub)
    if differing or failed_shares:
        return AppliedUnverified(
            status=came.status, message=said, differences=differing, shared_error=failed_shares,
            reason="applied, but Segura's answer differs from what was sent",
        )  # fmt: skip
    unseen = (SECRET_FIELD,) if SECRET_FIELD in patch and not _echoed(SECRET_FIELD, patch, entity) else ()
    return Applied(status=came.status, message=said, reason="Segura confirmed the change", unseen=unseen)


def _says_no(doc: Mapping[str, Any] | None) -> bool:
    """Return whether a 2xx carries one of Segura's numbered refusals and no entity (contract 4, 7)."""
    inner = segura_envelope(doc)
    if doc is None or inner is None or "api_entity" in doc:
        return False
    return True in (inner.get("error"), inner.get("erro")) and segura_error_code(doc) in _REFUSALS


def _contradiction(identifier: int, came: SeguraResponse, doc: Mapping[str, Any] | None) -> str:
    """Return why a 2xx is not to be believed; "" if nothing contradicts it."""
    inner = segura_envelope(doc)
    if came.damaged:
        return f"{came.status}, but the body is not valid UTF-8"
    if doc is None:
        return f"{came.status} without a JSON object"
    if inner is None:
        return f"{came.status} without Segura's response object"
    if envelope_code(doc) != came.status or not status_matches_body(came, doc):
        return f"{came.status}, but the body gives another code"
    if "error" not in inner or has_error_flag(inner) or segura_error_code(doc) is not None:
        return f"{came.status}, but the body is flagged as an error"
    entity = doc.get("api_entity")
    if not isinstance(entity, dict) or parse_identifier(entity.get("identifier")) != identifier:
        return f"{came.status}, but not for our identifier"
    return ""


def _failed_shares(value: object, scrub: Scrubber) -> tuple[str, ...]:
    """Return the content of `shared_error`, whose format is undocumented (contract 6), as short scrubbed texts."""
    if value in (None, [], {}, "", False):
        return ()
    rows = value if isinstance(value, list) else [value]
    return tuple(scrub(row if isinstance(row, str) else _written(row)) for row in rows[:100])


def _written(row: object) -> str:
    try:
        return json.dumps(row, ensure_ascii=False)
    except RecursionError:  # nested as deep as the parser allows, which is deeper than the encoder allows
        return "(nested too deep to be shown)"


def _unproven(status: int) -> str:
    return f"{status} does not say whether the change was executed"
