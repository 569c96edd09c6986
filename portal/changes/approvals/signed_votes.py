"""Signatures of votes by vote keys: which votes need one, and the proof of it before a vote and before a delivery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from portal.audit.entry import Entry
from portal.audit.sealing import vote_key_chain
from portal.changes.approvals import vote_mac
from portal.changes.domain import risks
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Revision, Vote
from portal.common.vote_signatures import ChainedKey, KeyNotCounted, NotSigned, check_vote
from portal.vote_keys.signed_text import SignedText


class SignatureNotProved(Exception):
    """A signature that does not prove its vote: altered, used twice, or by a key that the log does not confirm."""


def is_high_risk(revision: Revision) -> bool:
    """Return whether the revision is of high risk by what it proposes."""
    proposed = risks.rate_patch(revision.patch, revision.base, new_secret=bool(revision.secret_fingerprint))
    return proposed >= RiskLevel.HIGH


def is_signature_required(*, high_risk: bool) -> bool:
    """Return whether SIGNED_VOTES requires a signature of a vote on a revision of this risk."""
    return settings.SIGNED_VOTES == "required" or (high_risk and settings.SIGNED_VOTES == "required_high_risk")


def check_new_vote(signed: SignedText, vote: Vote, person: str) -> None:
    """Check the signature of a vote that is being cast by the user with this username. Raises NotSigned."""
    key = check_vote(
        signed.as_data(), _signed_facts(vote, person), vote_key_chain.load_keys(), log=vote_key_chain.get_log_name()
    )
    if key.facts["origin"] != settings.BASE_URL:
        raise KeyNotCounted("made with a key of another address")


def list_proved_votes(revision: Revision, votes: Iterable[tuple[Vote, Entry]], log: Iterable[Entry]) -> list[Vote]:
    """Return the votes that count: signed by a key that counts now, or unsigned where no signature is required.

    `votes`: each with the event that cast it; `log`: the events of the change. Raises SignatureNotProved.
    """
    if settings.SIGNED_VOTES == "off":
        return [vote for vote, _ in votes]
    required = is_signature_required(high_risk=is_high_risk(revision))
    keys, name, spent = vote_key_chain.load_keys(), vote_key_chain.get_log_name(), _list_spent_texts(log)
    proved = []
    for vote, cast in votes:
        signed = cast.data.get("signature")
        fingerprint = signed.get("key") if isinstance(signed, Mapping) else ""
        # Pages count votes by these columns: they must not say other than the log.
        if fingerprint != vote.signed_with or (not signed and required and not vote.lacks_signature):
            raise SignatureNotProved
        if not required if signed is None else _is_proved(signed, vote, cast.actor, keys, name, spent):
            proved.append(vote)
    return proved


def _list_spent_texts(log: Iterable[Entry]) -> set[object]:
    """Return the signed texts of voided votes, none of which counts once more."""
    log = list(log)
    voided = {entry.data.get("mac") for entry in log if entry.action == "vote.voided"}
    cast = (entry.data for entry in log if entry.action == "vote.cast" and entry.data.get("mac") in voided)
    return {data["signature"].get("text") for data in cast if isinstance(data.get("signature"), Mapping)}


def _is_proved(
    signed: Mapping[str, Any], vote: Vote, person: str, keys: dict[str, ChainedKey], log: str, spent: set[object]
) -> bool:
    """Return whether the signature proves the vote; False if its key was revoked since. Raises SignatureNotProved."""
    if signed.get("text") in spent:  # a voided vote that was inserted once more
        raise SignatureNotProved
    try:
        check_vote(signed, _signed_facts(vote, person), keys, log=log)
    except KeyNotCounted:
        if vote.signed_with in keys and keys[vote.signed_with].revoked_at:
            return False
        raise SignatureNotProved from None
    except NotSigned:
        raise SignatureNotProved from None
    return True


def _signed_facts(vote: Vote, person: str) -> dict[str, Any]:
    """Return the values of a vote that its signed text must state."""
    return {
        "change": vote.change_id,
        "revision": vote.revision,
        "digest": vote.digest,
        "requester": vote.requester_id,
        "requested_by": vote.requester.username,
        "voter": vote.voter_id,
        "person": person,
        "verdict": str(vote.verdict),
        "reason": vote.reason,
        "voted_at": vote_mac.format_instant(vote.voted_at),
    }
