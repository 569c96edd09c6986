"""History of one change for its page: from the proposal to Segura's answer, read from the log.

Each user who may see the change may read this part of the log. Votes that violated a rule, addresses and proofs are for
auditors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.audit import event_text
from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.changes.models import Change, Verdict

MOST = 200
"""Newest steps shown of a change that has very many: a change in doubt may be read back for a whole day."""

_TOLD: dict[str, str | Promise] = {
    "change.submitted": _("Proposed"),
    "change.revised": _("Revised: votes reset"),
    "change.withdrawn": _("Withdrawn"),
    "change.approved": _("Fully approved"),
    "change.returned": _("Returned to pending: approvals are missing"),
    "vote.voided": _("Vote voided: its voter lost the right to decide"),
    "change.expired": _("Expired"),
    "change.stale": _("Out of date"),
    "change.applied": _("Applied"),
    "change.failed": _("Failed"),
    "change.in_doubt": _("Outcome unknown"),
    "change.still_in_doubt": _("Outcome still unknown"),
    "change.requeued": _("Queued again"),
    "change.escalated": _("Passed to an administrator"),
    "change.retried": _("Retried"),
    "change.rechecked": _("Recheck requested"),
    "change.resolved": _("Resolved manually"),
    "vote.cast": "",
    "delivery.intended": _("Sending to Segura"),
    "delivery.answered": _("Segura's response to the update"),
    "delivery.claim_lost": _("Worker lost during delivery"),
    "vault.responded": _("Segura answered"),
    "vault.unanswered": _("Segura did not answer"),
}
_VOIDED: dict[object, Promise] = {
    "key_revoked": _("Vote voided: its vote key was revoked"),
    "not_signed": _("Vote voided: it is not signed, which is required now"),
}
TECHNICAL = frozenset(
    {
        "change.approved",  # the deciding vote says it
        "change.requeued",
        "change.still_in_doubt",
        "delivery.answered",
        "delivery.claim_lost",
        "vault.responded",
        "vault.unanswered",
    }
)
"""Actions that only the technical details of a change show; the others are its steps."""
_VERDICTS = {
    Verdict.APPROVE: (_("Approved"), "good"),
    Verdict.REJECT: (_("Rejected"), "bad"),
    Verdict.REQUEST_CHANGES: (_("Requested changes"), "warn"),
}


@dataclass(frozen=True)
class HistoryEntry:
    """One step: event, name ('' for the portal) and user if known, their text, and the HTTP status of Segura."""

    title: str
    tone: str
    at: datetime
    by: str
    user: User | None
    words: str
    line: str
    code: int | None
    answers: bool
    technical: bool


def build_history(change: Change, people: Mapping[str, User]) -> list[HistoryEntry]:
    """Return the steps, oldest first, in one query. `people`: users by username, who are shown by name."""
    events = Event.objects.filter(change=change.pk, action__in=_TOLD).order_by("-id")[:MOST]
    entries = [event.entry for event in events]
    return [_moment(entry, people) for entry in reversed(entries) if entry is not None]


def _moment(entry: Entry, people: Mapping[str, User]) -> HistoryEntry:
    title, tone, user = _TOLD[entry.action], event_text.event_tone(entry), people.get(entry.actor)
    if entry.action == "vote.voided":
        title = _VOIDED.get(entry.data.get("void_cause"), title)
    if entry.action == "vote.cast":
        title, tone = _VERDICTS[Verdict(entry.data["verdict"])]
    return HistoryEntry(
        title=str(title),
        tone=tone,
        at=entry.at,
        by=user.display_name if user else entry.actor,
        user=user,
        words=str(entry.data.get("reason") or ""),
        line="" if entry.actor else event_text.summary_line(entry),
        code=entry.http_status,
        answers=event_text.has_http_status(entry),
        technical=entry.action in TECHNICAL,
    )
