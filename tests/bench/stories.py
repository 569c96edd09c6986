"""What happens to a change, outcome by outcome: the events of each as the portal writes them, with gaps for names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from portal.audit.ledger import canonical_json
from portal.changes.domain import patch as patches
from portal.changes.domain.patch import Snapshot

OPEN_SHARE = 0.3
"""So many of all changes wait: far more than anywhere, so that nothing about the queue is quick by being empty."""
POLICY = {"required": 1}
_SHARES = [(88, "applied"), (93, "rejected"), (96, "expired"), (98, "withdrawn"), (100, "failed")]


@dataclass(frozen=True)
class Template:
    """The text of one kind of event; `%`-gaps for what differs. `actor`: which of the words acted, '' the machine."""

    action: str
    actor: str
    code: int | None
    text: str


@dataclass(frozen=True)
class Story:
    """One change: its outcome, and the words that fill the gaps."""

    number: int
    outcome: str
    words: dict[str, Any]


def gapped(value: dict[str, Any]) -> str:
    """Its canonical text with gaps: "#name" becomes a number's, @name@ a text's."""
    text = canonical_json(value).replace("%", "%%")
    return re.sub(r"@(\w+)@", r"%(\1)s", re.sub(r'"#(\w+)"', r"%(\1)d", text))


def _event(action: str, actor: str = "", code: int | None = None, **data: Any) -> Template:
    entry = {
        "action": action, "actor": f"@{actor}@" if actor else "", "address": "", "at": "@at@", "change": "#change",
        "http_status": code, "data": data, "request": "", "secret": "#secret", "seq": "#seq", "v": 1,
    }  # fmt: skip
    return Template(action, actor, code, gapped(entry))


def _moved(action: str, came_from: str, to: str, actor: str = "", code: int | None = None, **data: Any) -> Template:
    return _event(action, actor, code, **{"from": came_from, "to": to, "revision": 1, **data})


BASE = {
    "client_id": "client-@name@", "groups_allowed": [["Payments", False]], "identifier_code": "code-@number@",
    "method": "get", "name": "@name@", "notes": "Kept by the team of @name@; @before@", "tags": "team,payments",
    "url": "https://@name@.example/api/v1", "users_allowed": [["pduarte", True], ["jsilva", False]],
}  # fmt: skip
PATCH = {"notes": "Kept by the team of @name@; @after@"}
REASON = "Rotation no. @number@, as the partner asks every quarter"
_SUBMITTED = _event(
    "change.submitted", "requester", base=BASE, base_known=True, digest="@digest@", fields=["notes"], patch=PATCH,
    policy=POLICY, reason=REASON, revision=1, secret_name="@name@", ticket="OPS-@number@",
)  # fmt: skip
_PATH = "/api/mysafe/secretapi"


def _vote(verdict: str) -> Template:
    return _event(
        "vote.cast", "voter", digest="@digest@", presence_shown_at="", reason="", revision=1, signed_in_at="",
        signed_in_with=["password"], verdict=verdict,
    )  # fmt: skip


def _exchange(method: str, path: str, code: int, message: str) -> Template:
    return _event(
        "vault.responded", code=code, attempt="@attempt@", correlation="CR-@change@", duration_ms=41, message=message,
        method=method, number=None, origin="segura", path=path, reason="", started_at="@at@",
    )  # fmt: skip


def _delivered(code: int, message: str, outcome: str) -> list[Template]:
    return [
        _SUBMITTED,
        _vote("approve"),
        _moved("change.approved", "pending", "approved", "voter", digest="@digest@"),
        _event("delivery.started", fence=1, revision=1),
        _exchange("GET", f"{_PATH}/@secret@", 200, "Success"),
        _event("delivery.intended", attempt="@attempt@", digest="@digest@", fence=1),
        _exchange("PUT", f"{_PATH}/update/@secret@", code, message),
        _event("delivery.answered", code=code, attempt="@attempt@", fence=1, message=message, number=None,
               outcome=outcome),
    ]  # fmt: skip


UPDATED, REFUSED = "Api secret updated successfully", "1009: The secret is disabled"
STORIES: dict[str, list[Template]] = {
    "pending": [_SUBMITTED],
    "approved": [
        _SUBMITTED,
        _vote("approve"),
        _moved("change.approved", "pending", "approved", "voter", digest="@digest@"),
    ],
    "applied": [
        *_delivered(200, UPDATED, "applied"),
        _moved("change.applied", "sending", "applied", code=200, cause="confirmed", message="", number=None),
    ],
    "failed": [
        *_delivered(400, REFUSED, "refused"),
        _moved("change.failed", "sending", "failed", code=400, cause="refused", message=REFUSED, number=1009),
    ],
    "rejected": [
        _SUBMITTED,
        _vote("reject"),
        _moved("change.rejected", "pending", "rejected", "voter", reason="Not in this quarter"),
    ],
    "expired": [_SUBMITTED, _moved("change.expired", "pending", "expired")],
    "withdrawn": [_SUBMITTED, _moved("change.withdrawn", "pending", "withdrawn", "requester")],
}
SIGN_IN = gapped(
    {
        "action": "session.started", "actor": "@actor@", "address": "192.0.2.7", "at": "@at@", "change": None,
        "http_status": None, "data": {"method": "password"}, "request": "", "secret": None, "seq": None, "v": 1,
    }
)  # fmt: skip
KEY_CHANGED = gapped(
    {
        "action": "audit.key_changed", "actor": "", "address": "", "at": "@at@", "change": None, "http_status": None,
        "data": {"hand_over": "", "new_key": "@key@", "old_key": ""}, "request": "", "secret": None, "seq": None,
        "v": 1,
    }
)  # fmt: skip
BASE_TEXT, PATCH_TEXT, REASON_TEXT = gapped(BASE), gapped(PATCH), gapped({"": REASON})[5:-2]


def outcome_of(number: int, changes: int) -> str:
    """Of the newer ones half wait, in runs of 64, so that everybody has of both; of the others most were applied."""
    if number // 64 % 2 and number >= changes * (1 - 2 * OPEN_SHARE):
        return "pending"
    return next(outcome for share, outcome in _SHARES if number * 37 % 100 < share)


def facts(number: int, outcome: str, secret: int, name: str, requester: str, voter: str) -> Story:
    """All words of one change but the instants."""
    words: dict[str, Any] = {
        "number": number, "change": number + 1, "secret": secret, "name": name, "requester": requester, "voter": voter,
        "before": f"note {number}", "after": f"note {number + 1}", "attempt": uuid_of(number, 2),
    }  # fmt: skip
    words["digest"] = digest_of(secret, words) if outcome in ("pending", "approved") else f"{number:064x}"
    return Story(number, outcome, words)


def digest_of(secret: int, words: dict[str, Any]) -> str:
    """The digest that a vote on it must name, and that delivery proves."""
    base = {name: _worded(value, words) for name, value in BASE.items()}
    patch = {name: _worded(value, words) for name, value in PATCH.items()}
    return patches.compute_digest(secret=secret, patch=patch, secret_fingerprint="", base=Snapshot(base), policy=POLICY)


def _worded(value: Any, words: dict[str, Any]) -> Any:
    return re.sub(r"@(\w+)@", lambda gap: str(words[gap[1]]), value) if isinstance(value, str) else value


def uuid_of(number: int, kind: int) -> str:
    """The id of the row of this kind that belongs to this change."""
    return f"{number % 65521:08x}-{kind:04x}-4000-8000-{number:012x}"
