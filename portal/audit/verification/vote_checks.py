"""Check of the signatures of votes, by the events of the log alone, and a line on each approval for auditors.

Vote keys are read as in sealing/vote_key_chain.py; their chain begins with the keys in VOTE_KEYS_FIRST_FILE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.conf import settings

from portal.audit.entry import Entry, UnreadableEntry, parse_entry
from portal.audit.models import Event
from portal.audit.sealing import vote_key_chain
from portal.common.vote_signatures import ChainedKey, NotSigned, RefusedEvent, check_vote, describe_key

_CHUNK = 2000
_READ = ("change.submitted", "vote.cast")


class _CastVote(NamedTuple):
    """Event of a vote, and the username of the change's requester, '' if that event is past its retention."""

    entry: Entry
    requested_by: str


def find_unproved_votes() -> Iterator[str]:
    """Yield a sentence for each forged event of a vote key, each false signature, and each vote that lacks one."""
    refused: list[RefusedEvent] = []
    keys = vote_key_chain.load_keys(refused)
    if settings.SIGNED_VOTES == "off" and not keys:
        return
    for event, why in refused:
        yield f"event of {event.get('at')}: {event.get('action')} by {event.get('actor') or 'Countersign'}: {why}"
    log, used = vote_key_chain.get_log_name(), set[tuple[int | None, str]]()
    for vote in _iter_votes():
        why = _find_defect(vote, keys, log) or ("signature used before" if _text_of(vote) in used else "")
        used = {text for text in {*used, _text_of(vote)} if text[0] == vote.entry.change and text[1]}
        if why:
            yield f"event {vote.entry.seq} of change {vote.entry.change}: a vote by {vote.entry.actor}: {why}"


def describe_approvals() -> Iterator[str]:
    """Yield a line on each approval: with which key it is signed, who confirmed the key, or that it is not signed."""
    keys, log = vote_key_chain.load_keys(), vote_key_chain.get_log_name()
    for vote in _iter_votes():
        data = vote.entry.data
        if data.get("verdict") != "approve":
            continue
        place = f"change {vote.entry.change}, event {vote.entry.seq}: approved by {vote.entry.actor}"
        try:
            key = _prove(vote, keys, log) if data.get("signature") else None
            yield f"{place}: {describe_key(key) if key else 'not signed'}"
        except NotSigned as error:
            yield f"{place}: FALSE signature: {error}"


def _iter_votes() -> Iterator[_CastVote]:
    events = Event.objects.filter(action__in=_READ).order_by("change", "seq").values_list("text", flat=True)
    requested_by: dict[int | None, str] = {}
    for text in events.iterator(chunk_size=_CHUNK):
        try:
            entry = parse_entry(text)
        except UnreadableEntry:
            continue  # reported by the check of its leaf
        if entry.action == "change.submitted":
            requested_by = {entry.change: entry.actor}
        else:
            yield _CastVote(entry, requested_by.get(entry.change, ""))


def _find_defect(vote: _CastVote, keys: Mapping[str, ChainedKey], log: str) -> str:
    """Return why the vote is not proved, '' if it is, or if it needs no signature."""
    if not vote.entry.data.get("signature"):
        return "not signed, although signatures are required" if _is_required(vote.entry) else ""
    try:
        _prove(vote, keys, log)
    except NotSigned as error:
        return f"false signature: {error}"
    return ""


def _text_of(vote: _CastVote) -> tuple[int | None, str]:
    """Return the change and the signed text of the vote, '' without one."""
    signed = vote.entry.data.get("signature")
    return vote.entry.change, str(signed.get("text")) if isinstance(signed, dict) else ""


def _is_required(entry: Entry) -> bool:
    if entry.at.isoformat() < settings.SIGNED_VOTES_SINCE:
        return False
    high_risk = entry.data.get("high_risk") is True
    return settings.SIGNED_VOTES == "required" or (high_risk and settings.SIGNED_VOTES == "required_high_risk")


def _prove(vote: _CastVote, keys: Mapping[str, ChainedKey], log: str) -> ChainedKey:
    """Return the key that signed the vote. Raises NotSigned."""
    entry, data = vote.entry, vote.entry.data
    facts: dict[str, Any] = {
        "change": entry.change,
        **({"requested_by": vote.requested_by} if vote.requested_by else {}),
        "person": entry.actor,
        **{name: data.get(name) for name in ("revision", "digest", "voter", "verdict")},
        "reason": data.get("reason", ""),
        "voted_at": str(data.get("voted_at")),
    }
    at = entry.at.isoformat(timespec="microseconds")
    return check_vote(data.get("signature"), facts, keys, at=at, log=log)
