"""How an entry of the log is said on a page: who, a line, and what exactly."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.audit import events
from portal.audit.entry import Entry
from portal.audit.ledger import canonical
from portal.audit.visible import visible

LABELS: dict[str, str | Promise] = {
    "attempt": gettext_lazy("Attempt"),
    "base": gettext_lazy("Base"),
    "cause": gettext_lazy("Cause"),
    "code": gettext_lazy("Segura's own code"),
    "complete": gettext_lazy("Complete"),
    "correlation": gettext_lazy("Correlation id"),
    "digest": gettext_lazy("Digest"),
    "duration_ms": gettext_lazy("Duration (ms)"),
    "export": gettext_lazy("Export"),
    "fence": gettext_lazy("Delivery number"),
    "fields": gettext_lazy("Fields"),
    "filters": gettext_lazy("Filters"),
    "findings": gettext_lazy("Findings"),
    "format": gettext_lazy("Format"),
    "from": gettext_lazy("From"),
    "key": gettext_lazy("Key id"),
    "leaves": gettext_lazy("Leaves"),
    "message": gettext_lazy("Message"),
    "method": gettext_lazy("Method"),
    "name": gettext_lazy("Name"),
    "new_key": gettext_lazy("New public key"),
    "number": gettext_lazy("Error number"),
    "old_key": gettext_lazy("Old public key"),
    "origin": gettext_lazy("Answered by"),
    "outcome": gettext_lazy("Outcome"),
    "path": gettext_lazy("Path"),
    "problems": gettext_lazy("Problems"),
    "reason": gettext_lazy("Reason"),
    "revision": gettext_lazy("Revision"),
    "rows": gettext_lazy("Rows"),
    "rule": gettext_lazy("Rule"),
    "started_at": gettext_lazy("Call started"),
    "subject": gettext_lazy("Change"),
    "ticket": gettext_lazy("Ticket"),
    "to": gettext_lazy("To"),
    "trusted": gettext_lazy("Checked with a key that was brought along"),
    "verdict": gettext_lazy("Verdict"),
}
"""Names of what `data` holds; a name nobody listed is shown as it is."""

_TONES = {
    "change.applied": "good",
    "change.approved": "good",
    "change.rejected": "bad",
    "change.failed": "bad",
    "vote.refused": "bad",
    "session.refused": "bad",
    "access.refused": "bad",
    "change.stale": "warn",
    "change.expired": "warn",
    "change.requeued": "warn",
    "change.doubted": "doubt",
    "change.escalated": "doubt",
    "delivery.lost": "doubt",
    "vault.unanswered": "doubt",
}
_VIEWS = {
    "events": gettext_lazy("the list"),
    "event": gettext_lazy("event"),
    "change_timeline": gettext_lazy("change"),
    "checkpoint": gettext_lazy("the checkpoint"),
}
_TELLING = ("subject", "verdict", "outcome", "cause", "message", "reason", "rule", "format", "rows", "filters")
_LINE = 160
_NAME = re.compile(r"[A-Za-z][a-z]+(_[a-z]+|[A-Z][a-z]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def who(entry: Entry) -> str:
    """The acting person, or what is known of them; '' for the portal itself."""
    refused = str(entry.data.get("name", "")) if entry.action == "session.refused" else ""
    return visible(entry.actor or refused)


def tone(entry: Entry) -> str:
    """good, bad, warn, doubt, or '' for what is neither."""
    if entry.action == "audit.verified":
        return "good" if entry.data.get("outcome") == "intact" else "bad"
    if entry.action == "vault.responded" and entry.code is not None:
        return "good" if entry.code < 300 else "bad" if entry.code >= 500 else "warn"
    return _TONES.get(entry.action, "")


def has_code(entry: Entry) -> bool:
    """Whether a response code, or its absence, is part of what is said."""
    return entry.code is not None or entry.action in events.ANSWERS


def line(entry: Entry) -> str:
    """What happened beyond the name of the action, on one line of at most 160 characters."""
    data = entry.data
    parts = []
    if "path" in data:
        parts.append(f"{data.get('method', '')} {data['path']}".strip())
    if isinstance(data.get("duration_ms"), int):
        parts.append(f"{data['duration_ms']} ms")
    if "from" in data and "to" in data:
        parts.append(f"{_said(data['from'])} → {_said(data['to'])}")
    if data.get("view") in _VIEWS:
        parts.append(" ".join([str(_VIEWS[data["view"]]), *(str(data[n]) for n in ("event", "change") if n in data)]))
    parts += [_said(data[name]) for name in _TELLING if data.get(name) not in (None, "", [], {})]
    text = visible(" · ".join(" ".join(part.split()) for part in parts))
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"


def facts(entry: Entry) -> list[tuple[str, str]]:
    """All of `data`, each with its label; what is structured as JSON."""
    return [(str(LABELS.get(name, visible(name))), visible(_word(value))) for name, value in entry.data.items()]


def title(entry: Entry) -> str:
    """What people call the action."""
    return visible(events.label(entry.action))


def _word(value: object) -> str:
    match value:
        case None | "" | [] | {}:
            return "\N{EN DASH}"
        case bool():
            return _("yes") if value else _("no")
        case dict():
            return canonical(value)
        case list():
            return ", ".join(_word(item) for item in value)
        case _:
            return str(value)


def _said(value: object) -> str:
    """For a line: names of the code's as words, a mapping without its brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_word(item)}" for name, item in value.items())
    text = _word(value)
    return _CAMEL.sub(" ", text).replace("_", " ").lower() if _NAME.fullmatch(text) else text
