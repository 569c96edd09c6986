"""A text and its signature by a vote key, as the browser returns it and as events store it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from portal.common.vote_signatures import CONFIRMATION, VOTE, encode_text


@dataclass(frozen=True)
class SignedText:
    """Text that the key with the fingerprint `key` is said to have signed. Nothing about it is checked yet."""

    key: str
    text: str
    client_data: str
    authenticator_data: str
    signature: str

    def as_data(self) -> dict[str, str]:
        """Return what the event stores. The bytes stay as received: encoded again they would no longer verify."""
        return asdict(self)


def parse_assertion(posted: str, *, text: str, keys: dict[str, str]) -> SignedText | None:
    """Return the browser's answer (JSON of a PublicKeyCredential) with the text; None if it has not that form.

    `keys`: fingerprints by credential id, those that the browser was asked for.
    """
    try:
        answer = json.loads(posted)
        response = answer["response"]
        parts = {
            name: response[sent]
            for name, sent in (
                ("client_data", "clientDataJSON"),
                ("authenticator_data", "authenticatorData"),
                ("signature", "signature"),
            )
        }
        key = keys[answer["id"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(part, str) for part in parts.values()):
        return None
    return SignedText(key=key, text=text, **parts)


def build_vote_text(
    *, log: str, voter: int, person: str, verdict: str, reason: str, items: list[dict[str, Any]], at: datetime
) -> str:
    """Return the canonical text of a vote on one or more changes.

    `items`: change, revision, digest, requester (id) and requested_by (username) of each.
    """
    said = {"log": log, "voter": voter, "person": person, "verdict": verdict, "items": items}
    return _build_text(VOTE, {**said, "reason": sha256(reason.encode()).hexdigest()}, at)


def build_confirmation_text(*, log: str, key: str, confirmer: int, person: str, at: datetime) -> str:
    """Return the canonical text by which a person confirms the key with this fingerprint."""
    return _build_text(CONFIRMATION, {"log": log, "key": key, "confirmer": confirmer, "person": person}, at)


def _build_text(what: str, said: dict[str, Any], at: datetime) -> str:
    instant = at.astimezone(UTC).isoformat(timespec="microseconds")
    return encode_text({"v": 1, "what": what, **said, "at": instant, "nonce": secrets.token_urlsafe(16)})
