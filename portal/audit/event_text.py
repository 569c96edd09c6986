"""Texts of an event on a page: acting user, summary line, and labelled data."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.audit import actions, code_labels, findings
from portal.audit.entry import Entry
from portal.audit.ledger import canonical_json
from portal.audit.visible import escape_invisible

LABELS: dict[str, str | Promise] = {
    "added": gettext_lazy("New in the list"),
    "altered": gettext_lazy("Altered in the list"),
    "alarm": gettext_lazy("Alarm"),
    "answers": gettext_lazy("In answer to comment"),
    "answered_at": gettext_lazy("Answered at (clock of the worker)"),
    "applied": gettext_lazy("Applied"),
    "attempt": gettext_lazy("Attempt"),
    "base": gettext_lazy("Base"),
    "base_known": gettext_lazy("Base known"),
    "base_read_at": gettext_lazy("Base read from Segura at"),
    "cause": gettext_lazy("Cause"),
    "change": gettext_lazy("Change"),
    "code": gettext_lazy("Code in Segura's answer"),
    "comment": gettext_lazy("Comment"),
    "complete": gettext_lazy("Complete"),
    "correlation": gettext_lazy("Correlation id"),
    "digest": gettext_lazy("Digest"),
    "duration_ms": gettext_lazy("Duration (ms)"),
    "ended_by": gettext_lazy("Ended by"),
    "event": gettext_lazy("Event"),
    "export": gettext_lazy("Export"),
    "fence": gettext_lazy("Delivery number"),
    "factor": gettext_lazy("Kind of second factor"),
    "factor_id": gettext_lazy("Number of the second factor"),
    "field": gettext_lazy("Field"),
    "fields": gettext_lazy("Fields"),
    "filters": gettext_lazy("Filters"),
    "findings": gettext_lazy("Findings"),
    "full_names": gettext_lazy("Full names in the directory"),
    "unknown_names": gettext_lazy("Not in the directory"),
    "groups": gettext_lazy("Groups at the provider"),
    "groups_status": gettext_lazy("Groups claim"),
    "hand_over": gettext_lazy("The old key's signature on the new one"),
    "format": gettext_lazy("Format"),
    "given": gettext_lazy("Given roles"),
    "found": gettext_lazy("Values found in Segura"),
    "found_at": gettext_lazy("Values read from Segura at"),
    "from": gettext_lazy("From"),
    "issuer": gettext_lazy("Issuer"),
    "key": gettext_lazy("Key id"),
    "kind": gettext_lazy("Kind"),
    "leaves": gettext_lazy("Leaves"),
    "listed": gettext_lazy("Listed"),
    "mentions": gettext_lazy("Mentions"),
    "message": gettext_lazy("Message"),
    "missed": gettext_lazy("Not reached"),
    "method": gettext_lazy("Method"),
    "name": gettext_lazy("Name"),
    "new": gettext_lazy("New"),
    "new_key": gettext_lazy("New public key"),
    "number": gettext_lazy("Segura error"),
    "ok": gettext_lazy("Succeeded"),
    "old": gettext_lazy("Old"),
    "old_key": gettext_lazy("Old public key"),
    "old_keys": gettext_lazy("Older keys"),
    "origin": gettext_lazy("Answered by"),
    "outcome": gettext_lazy("Outcome"),
    "patch": gettext_lazy("Proposed values"),
    "path": gettext_lazy("Path"),
    "paused_at": gettext_lazy("Paused at"),
    "person": gettext_lazy("Person"),
    "proposal": gettext_lazy("Proposal"),
    "proposal_kind": gettext_lazy("What is proposed"),
    "policy": gettext_lazy("Policy"),
    "presence_shown_at": gettext_lazy("Last authenticated at"),
    "presence_shown_with": gettext_lazy("Last authenticated with"),
    "problems": gettext_lazy("Problems"),
    "reason": gettext_lazy("Reason"),
    "reached": gettext_lazy("Reached"),
    "returned": gettext_lazy("Returned to the list"),
    "reverts": gettext_lazy("Reverts"),
    "revision": gettext_lazy("Revision"),
    "rights": gettext_lazy("Rights"),
    "risk": gettext_lazy("Risk"),
    "roles": gettext_lazy("Roles"),
    "roles_before": gettext_lazy("Roles before"),
    "rows": gettext_lazy("Rows"),
    "rule": gettext_lazy("Rule"),
    "second_factor": gettext_lazy("With a second factor"),
    "secret_name": gettext_lazy("Secret's name"),
    "signed_in_at": gettext_lazy("Signed in at"),
    "signed_in_with": gettext_lazy("Signed in with"),
    "started_at": gettext_lazy("Call started"),
    "spooled": gettext_lazy("Kept on disk while the database was away"),
    "subject": gettext_lazy("Change"),
    "subject_id": gettext_lazy("Subject at the provider"),
    "steps": gettext_lazy("Steps"),
    "sync": gettext_lazy("Synchronisation"),
    "text": gettext_lazy("Text"),
    "ticket": gettext_lazy("Ticket"),
    "to": gettext_lazy("To"),
    "taken": gettext_lazy("Taken roles"),
    "traits": gettext_lazy("Traits of the new value"),
    "untaken": gettext_lazy("Not taken by Segura"),
    "moved_by": gettext_lazy("Changed by"),
    "in_part": gettext_lazy("In part"),
    "hidden": gettext_lazy("Client secret not seen"),
    "trusted": gettext_lazy("Checked with a key that was brought along"),
    "purpose": gettext_lazy("Purpose"),
    "mail_domain": gettext_lazy("Domain of the email address"),
    "value_found": gettext_lazy("Client secret found"),
    "value_visible": gettext_lazy("Client secret visible"),
    "vanished": gettext_lazy("Vanished from the list"),
    "act": gettext_lazy("Act"),
    "acted_at": gettext_lazy("Acted at"),
    "base_fingerprint": gettext_lazy("Fingerprint of the base"),
    "mac": gettext_lazy("Authentication code"),
    "missing": gettext_lazy("Missing approvals"),
    "value_fingerprint": gettext_lazy("Fingerprint of the new value"),
    "left_out": gettext_lazy("Left out"),
    "odd": gettext_lazy("Rows left out"),
    "verdict": gettext_lazy("Verdict"),
    "view": gettext_lazy("View"),
    "voted_at": gettext_lazy("Voted at"),
    "voter": gettext_lazy("Voter's number"),
    "votes_voided": gettext_lazy("Votes voided"),
    "high_risk": gettext_lazy("High risk"),
    "signature": gettext_lazy("Signature"),
    "fingerprint": gettext_lazy("Fingerprint"),
    "void_cause": gettext_lazy("Why it was voided"),
    "log": gettext_lazy("Log"),
    "owner": gettext_lazy("Owner's number"),
    "credential": gettext_lazy("Credential id"),
    "public_key": gettext_lazy("Public key"),
    "rp_id": gettext_lazy("Site id"),
    "aaguid": gettext_lazy("Kind of authenticator"),
    "is_synced": gettext_lazy("Copied to other devices"),
    "compromised_at": gettext_lazy("In other hands since"),
    "vote_key": gettext_lazy("Vote key's number"),
}
"""Labels of the keys of `data`; a key that is not listed is shown as it is."""

_TONES = {
    "change.applied": "good",
    "change.approved": "good",
    "change.rejected": "bad",
    "change.failed": "bad",
    "vote.refused": "bad",
    "governance.refused": "bad",
    "governance.rejected": "bad",
    "governance.approved": "good",
    "change.retry_refused": "bad",
    "session.failed": "bad",
    "access.denied": "bad",
    "account.emergency_used": "bad",
    "account.disabled": "warn",
    "account.link_given_up": "warn",
    "account.factor_removed": "warn",
    "change.stale": "warn",
    "change.returned": "warn",
    "vote.voided": "warn",
    "change.expired": "warn",
    "change.changes_requested": "warn",
    "change.requeued": "warn",
    "change.in_doubt": "doubt",
    "change.still_in_doubt": "doubt",
    "change.escalated": "doubt",
    "delivery.claim_lost": "doubt",
    "delivery.paused": "bad",
    "delivery.resumed": "good",
    "delivery.paused_by_operator": "warn",
    "delivery.resumed_by_operator": "good",
    "vault.unanswered": "doubt",
}
_VIEWS = {
    "events": gettext_lazy("the list"),
    "event": gettext_lazy("event"),
    "change_timeline": gettext_lazy("change"),
    "checkpoint": gettext_lazy("the checkpoint"),
    "overview": gettext_lazy("the overview"),
    "secret": gettext_lazy("secret"),
    "person": gettext_lazy("person"),
    "access": gettext_lazy("access"),
    "find": gettext_lazy("a search"),
    "search": gettext_lazy("a search of everything"),
    "exports": gettext_lazy("the exports"),
}
_TELLING = (
    "person",
    "factor",
    "subject",
    "roles",
    "verdict",
    "risk",
    "outcome",
    "cause",
    "message",
    "reason",
    "text",
    "rule",
    "rights",
    "reached",
    "format",
    "rows",
    "filters",
)
_CODED = ("factor", "verdict", "risk", "outcome", "cause", "rule", "rights", "void_cause")
_LINE = 160


def actor_label(entry: Entry) -> str:
    """Return the acting user, or the name given at a failed sign-in; '' for the portal itself."""
    refused = str(entry.data.get("name", "")) if entry.action == "session.failed" else ""
    return escape_invisible(entry.actor or code_labels.code_label(refused))


def event_tone(entry: Entry) -> str:
    """Return good, bad, warn or doubt; '' for a neutral event."""
    if entry.action == "audit.verified":
        return "good" if entry.data.get("outcome") == "intact" else "bad"
    if entry.action == "vault.tested":
        return "good" if entry.data.get("ok") is True else "bad"
    if entry.action == "vault.responded" and entry.http_status is not None:
        return "good" if entry.http_status < 300 else "bad" if entry.http_status >= 500 else "warn"
    return _TONES.get(entry.action, "")


def has_http_status(entry: Entry) -> bool:
    """Return whether an HTTP status, or its absence, is part of the event."""
    return entry.http_status is not None or entry.action in actions.RESPONSE_ACTIONS


def summary_line(entry: Entry) -> str:
    """Return what happened beyond the action's label, on one line of at most 160 characters."""
    data = entry.data
    parts = []
    if "path" in data:
        parts.append(f"{data.get('method', '')} {data['path']}".strip())
    if isinstance(data.get("duration_ms"), int):
        parts.append(f"{data['duration_ms']} ms")
    if "from" in data and "to" in data:
        parts.append(f"{_decoded(data['from'])} → {_decoded(data['to'])}")
    if data.get("view") in _VIEWS:
        numbers = (str(data[name]) for name in ("event", "change", "secret") if name in data)
        parts.append(" ".join([str(_VIEWS[data["view"]]), *numbers]))
    for name in _TELLING:
        if data.get(name) not in (None, "", [], {}):
            coded = name in _CODED or entry.action == "session.failed"
            parts.append(_decoded(data[name]) if coded else _said(data[name]))
    text = escape_invisible(" · ".join(" ".join(part.split()) for part in parts))
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"


def labelled_data(entry: Entry) -> list[tuple[str, str]]:
    """Return all of `data`, each value with its label; mappings are written as JSON."""
    return [
        (str(LABELS.get(name, escape_invisible(name))), escape_invisible(_word(value)))
        for name, value in entry.data.items()
    ]


def event_title(entry: Entry) -> str:
    """Return the label of the action."""
    return escape_invisible(actions.action_label(entry.action))


def _word(value: object) -> str:
    match value:
        case None | "" | [] | {}:
            return "\N{EN DASH}"
        case bool():
            return _("yes") if value else _("no")
        case dict():
            return canonical_json(value)
        case list():
            return ", ".join(_word(item) for item in value)
        case _:
            return str(value)


def _said(value: object) -> str:
    """Format a value for the summary line: a mapping without brackets, a message of the vault translated."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_word(item)}" for name, item in value.items())
    return findings.error_text(_word(value))


def _decoded(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_decoded(item) for item in value)
    return code_labels.code_label(_word(value))
