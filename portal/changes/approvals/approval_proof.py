"""Proof of the approvals of a change, by MACs and by the texts of the audit log, right before the change is sent.

Anyone with SQL access can write rows. A row therefore counts only if MACs, whose key is not in the database, and the
append-only log confirm it. Every delivery needs this proof, also after a retry, a requeue, a restore and a recheck.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Now

from portal.audit.entry import Entry, UnreadableEntry, parse_entry
from portal.audit.models import Event
from portal.changes.approvals import signed_votes, vote_mac
from portal.changes.domain.policy import InvalidPolicy, Policy, read_required
from portal.changes.models import Change, Revision, Verdict, Vote


class Tampered(Exception):
    """Difference between what would be sent and what was approved."""


class VotesVoided(Exception):
    """Approval by votes that are too few now: rights were lost, a vote key was revoked, or more is required."""


PROPOSED = ("change.submitted", "change.revised")
ENDED_FOR_GOOD = (
    "change.revised",
    "change.withdrawn",
    "change.rejected",
    "change.expired",
    "change.stale",
    "change.applied",
)
"""Actions after which no earlier vote counts."""
REOPENED_BY = {
    "change.failed": "change.retried",
    "change.resolved": "change.retried",
    "change.escalated": "change.rechecked",
}
"""Actions after which earlier votes count only if the mapped action of a user, which has its own MAC, follows."""
_ASKED = {
    *PROPOSED,
    *ENDED_FOR_GOOD,
    *REOPENED_BY,
    *REOPENED_BY.values(),
    "change.in_doubt",
    "vote.cast",
    "vote.voided",
}


@dataclass(frozen=True)
class Proof:
    """Proved approvals. `approved_at`: when they were complete or last retried; `proved_at`: the database time."""

    voters: frozenset[int]
    approved_at: datetime
    proved_at: datetime


def prove_approval(change: Change, revision: Revision, digest: str) -> Proof:
    """Return the proved approvals of the revision over this digest.

    Raises Tampered, VotesVoided, SignatureNotProved.
    """
    try:
        required = Policy.from_data(revision.policy).required
    except InvalidPolicy:
        raise Tampered from None
    log, now = list_entries(change)
    if not any(is_proposal_of(entry, revision, digest) for entry in log):
        raise Tampered
    votes = list_approvals(change, revision)
    cast = {vote.pk: find_cast(change, vote, digest, log) for vote in votes}
    if len({vote.voter_id for vote in votes}) < required:
        raise Tampered
    forbid_open_change_request(log, revision)
    standing = [(vote, log[cast[vote.pk]]) for vote in votes if vote.voided_at is None]
    counted = signed_votes.list_proved_votes(revision, standing, log)
    voters = frozenset(vote.voter_id for vote in counted)
    if len(voters) < read_required(revision.policy):
        raise VotesVoided
    first = min(cast[vote.pk] for vote in counted)
    return Proof(voters, require_open(change, log[first + 1 :], max(vote.voted_at for vote in counted)), now)


def list_entries(change: Change) -> tuple[list[Entry], datetime]:
    """Return the events of the change that matter for its approval, in order, and the database time.

    Raises Tampered if an event cannot be read, or if there is none.
    """
    events = Event.objects.filter(change=change.pk, action__in=_ASKED).order_by("seq")
    rows = list(events.values_list("text", Now()))
    try:
        entries = [parse_entry(text) for text, _ in rows]
    except UnreadableEntry:
        raise Tampered from None
    if not rows or any(entry.change != change.pk for entry in entries):  # the hashed text counts, not the columns
        raise Tampered
    return sorted(entries, key=lambda entry: entry.seq or 0), rows[0][1]


def list_approvals(change: Change, revision: Revision) -> list[Vote]:
    """Return the approvals of the revision, voided ones too."""
    votes = Vote.objects.filter(change=change, revision=revision.number, verdict=Verdict.APPROVE)
    return list(votes.select_related("requester").order_by("pk"))


def is_proposal_of(entry: Entry, revision: Revision, digest: str) -> bool:
    """Return whether the event proposed exactly this revision, by a submission or a later edit."""
    said = (entry.data.get("revision"), entry.data.get("digest"))
    return entry.action in PROPOSED and said == (revision.number, digest)


def find_cast(change: Change, vote: Vote, digest: str, log: list[Entry]) -> int:
    """Return the index in the log of the event that cast the vote, as its MAC proves. Raises Tampered.

    Tampered is also raised if the log voids a vote that is valid by its row. The first matching event counts: a copy
    that was added after a rejection does not move the vote behind the rejection.
    """
    if vote.digest != digest or vote.voter_id == change.requester_id or vote.change_id != change.pk:
        raise Tampered
    facts = {**vote_mac.vote_facts(vote), "mac": vote.mac}
    voided = any(entry.action == "vote.voided" and entry.data.get("mac") == vote.mac for entry in log)
    for place, entry in enumerate(log):
        said = {name: entry.data.get(name) for name in facts}
        if entry.action == "vote.cast" and said == facts and vote_mac.is_vote_mac(vote, entry.actor):
            if voided and vote.voided_at is None:
                break
            return place
    raise Tampered


def forbid_open_change_request(log: Iterable[Entry], revision: Revision) -> None:
    """Raise Tampered if the log holds a rejection, or a request for changes that its voter has not withdrawn."""
    asking: set[object] = set()
    for entry in log:
        if entry.data.get("revision") != revision.number:
            continue
        voter = entry.data.get("voter", entry.actor)
        if entry.action == "vote.cast" and entry.data.get("verdict") == Verdict.REJECT:
            raise Tampered
        if entry.action == "vote.cast" and entry.data.get("verdict") == Verdict.REQUEST_CHANGES:
            asking.add(voter)
        elif entry.action in ("vote.cast", "vote.voided"):
            asking.discard(voter)
    if asking:
        raise Tampered


def require_open(change: Change, later: Iterable[Entry], approved_at: datetime) -> datetime:
    """Return when the approval took effect: `approved_at`, or a later retry among the events after the first vote.

    Raises Tampered if one of them ended the approval, or if the row hides that an earlier call is in doubt.
    """
    since, doubted = approved_at, False
    barred: dict[str, datetime] = {}  # action that lifts the bar -> instant of the bar
    for entry in later:
        closed_as_applied = entry.action == "change.resolved" and entry.data.get("applied") is not False
        if entry.action in ENDED_FOR_GOOD or closed_as_applied:
            raise Tampered
        if entry.action in REOPENED_BY:
            if entry.action == "change.resolved":
                barred, doubted = {}, False
            barred[REOPENED_BY[entry.action]] = entry.at
        elif entry.action == "change.in_doubt":
            doubted = True
        elif entry.action in barred and is_reopening(change, entry, barred[entry.action]):
            del barred[entry.action]
            acted_at = datetime.fromisoformat(entry.data["acted_at"])
            since = max(since, acted_at) if entry.action == "change.retried" else since
    if barred or (doubted and change.in_doubt_since is None):
        raise Tampered
    return since


def is_reopening(change: Change, entry: Entry, barred_at: datetime) -> bool:
    """Return whether the event is a proved action of a user on this change, not earlier than `barred_at`."""
    if not vote_mac.is_act_proved(entry.action, change, entry.actor, entry.data):
        return False
    return datetime.fromisoformat(entry.data["acted_at"]) >= barred_at
