"""HTTP exchange with Segura as the audit log stores it; it has no field that could hold a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from portal.vault.responses import (
    NoResponse,
    SeguraResponse,
    envelope_code,
    is_scim,
    json_document,
    response_message,
    segura_envelope,
    segura_error_code,
)
from portal.vault.scrubbing import Scrubber, keep_number

Origin = Literal["segura", "gateway", "token", "none"]


@dataclass(frozen=True)
class ExchangeRequest:
    """Request of an exchange. `path` is logged and contains neither host nor query."""

    method: str
    path: str
    attempt_id: str = ""
    correlation_id: str = ""
    query: str = ""


@dataclass(frozen=True)
class Exchange:
    """Exchange with Segura, its gateway or its token endpoint, answered or not.

    `started_at`: aware, in UTC; `status`: HTTP status or None; `code`: Segura's envelope code; `number`: Segura error
    code; `message`: message of the answer, scrubbed and limited in length; `reason`: the portal's text if the answer is
    not whole.
    """

    started_at: datetime
    duration_ms: int
    method: str
    path: str
    status: int | None
    code: int | None
    number: int | None
    message: str
    origin: Origin
    attempt_id: str
    correlation_id: str
    reason: str


def describe_exchange(
    call: ExchangeRequest,
    came: SeguraResponse | NoResponse,
    scrub: Scrubber,
    *,
    started_at: datetime,
    duration_ms: int,
    token_call: bool = False,
) -> Exchange:
    """Return the exchange as a value. Never raises, whatever the answer contains."""
    doc = json_document(came) if isinstance(came, SeguraResponse) else None
    return Exchange(
        started_at=started_at,
        duration_ms=duration_ms,
        method=call.method,
        path=call.path,
        status=came.status if isinstance(came, SeguraResponse) else None,
        code=_own_code(came, doc, scrub),
        number=keep_number(segura_error_code(doc), scrub),
        message=scrub(response_message(doc)),
        origin=_origin(came, token_call, segura_envelope(doc) is not None or is_scim(doc)),
        attempt_id=call.attempt_id,
        correlation_id=call.correlation_id,
        reason=came.flaw if isinstance(came, SeguraResponse) else came.reason,
    )


def _own_code(came: SeguraResponse | NoResponse, doc: Mapping[str, Any] | None, scrub: Scrubber) -> int | None:
    code = envelope_code(doc)
    return code if isinstance(came, SeguraResponse) and code == came.status else keep_number(code, scrub)


def _origin(came: SeguraResponse | NoResponse, token_call: bool, is_seguras: bool) -> Origin:
    if isinstance(came, NoResponse):
        return "none"
    if token_call:
        return "token"
    return "segura" if is_seguras else "gateway"
