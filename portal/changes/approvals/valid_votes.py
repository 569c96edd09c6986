"""Valid votes: the one rule for which approvals count now, used by pages, lists, emails, the decision and the delivery.

A vote counts while it is not voided, its voter still holds the right to decide, it is signed if SIGNED_VOTES requires
that, and its vote key is not revoked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.changes.domain.policy import read_required
from portal.changes.models import Change, Revision, Verdict, Vote
from portal.vote_keys.models import VoteKeyRevocation


def list_valid_approvals(votes: Iterable[Vote]) -> list[Vote]:
    """Return the approvals among the votes on one revision that count now."""
    approvals = [vote for vote in votes if vote.verdict == Verdict.APPROVE and vote.voided_at is None]
    read = [vote for vote in approvals if not hasattr(vote, "voter_may_decide")]
    deciders, revoked = find_deciders(read), find_revoked_keys(read)
    return [
        vote
        for vote in approvals
        if getattr(vote, "voter_may_decide", vote.voter_id in deciders)
        and not getattr(vote, "is_key_revoked", vote.signed_with in revoked)
        and not vote.lacks_signature
    ]


def find_deciders(votes: Iterable[Vote]) -> set[int]:
    """Return the ids of the voters who may decide now; no query without votes."""
    voters = {vote.voter_id for vote in votes}
    holders = roles.users_with_right(Right.DECIDE).filter(pk__in=voters)
    return set(holders.values_list("pk", flat=True)) if voters else set()


def find_revoked_keys(votes: Iterable[Vote]) -> set[str]:
    """Return the fingerprints of the votes' keys that are revoked; no query without signed votes."""
    used = {vote.signed_with for vote in votes} - {""}
    revoked = VoteKeyRevocation.objects.filter(key__fingerprint__in=used)
    return set(revoked.values_list("key__fingerprint", flat=True)) if used else set()


def count_missing(revision: Revision, votes: Iterable[Vote]) -> int:
    """Return how many approvals the revision still needs."""
    approvers = {vote.voter_id for vote in list_valid_approvals(votes)}
    return max(0, read_required(revision.policy) - len(approvers))


def is_approved(revision: Revision, votes: Iterable[Vote]) -> bool:
    """Return whether the votes on the revision approve it now."""
    return count_missing(revision, votes) == 0


def list_deciders() -> frozenset[int]:
    """Return the ids of all users who may decide now."""
    return frozenset(roles.users_with_right(Right.DECIDE).values_list("pk", flat=True))


def can_be_approved(change: Change, revision: Revision, deciders: frozenset[int]) -> bool:
    """Return whether enough users may approve the change; its requester may not."""
    return len(deciders - {change.requester_id}) >= read_required(revision.policy)


def has_enough_rights(change: Change, revision: Revision) -> bool:
    """Return whether enough approvers of the revision may still decide; one query, for the delivery."""
    approvals = Vote.objects.signed_as_required().filter(
        ~Q(voter=change.requester_id),
        Exists(roles.users_with_right(Right.DECIDE).filter(pk=OuterRef("voter"))),
        change=change,
        revision=revision.number,
        digest=revision.digest,
        verdict=Verdict.APPROVE,
        voided_at=None,
    )
    return len(set(approvals.values_list("voter", flat=True))) >= read_required(revision.policy)


def list_valid_votes(change: Change) -> list[Vote]:
    """Return the votes on the current revision that are not voided, in order."""
    standing = Vote.objects.filter(change=change, revision=change.revision, voided_at=None)
    return list(standing.select_related("voter").order_by("pk"))


def void_lapsed(change: Change, standing: Iterable[Vote]) -> list[Vote]:
    """Void the votes in `standing` that no longer count; return the others.

    Requires the row lock of the change. A voided vote never counts again; its voter may vote once more.
    """
    standing = list(standing)
    deciders, revoked = find_deciders(standing), find_revoked_keys(standing)
    for vote in standing:
        # As with_rights() sets them.
        vote.voter_may_decide = vote.voter_id in deciders  # type: ignore[attr-defined]
        vote.is_key_revoked = vote.signed_with in revoked  # type: ignore[attr-defined]
    lapsed = {vote.pk: cause for vote in standing if (cause := _find_void_cause(vote))}
    _void(change, [vote for vote in standing if vote.pk in lapsed], lapsed)
    return [vote for vote in standing if vote.pk not in lapsed]


def _find_void_cause(vote: Vote) -> str:
    """Return the code of the reason why the vote no longer counts, or ''."""
    if not vote.voter_may_decide:  # type: ignore[attr-defined]
        return "right_lost"
    if vote.verdict == Verdict.APPROVE and vote.is_key_revoked:  # type: ignore[attr-defined]
        return "key_revoked"
    return "not_signed" if vote.verdict == Verdict.APPROVE and vote.lacks_signature else ""


def _void(change: Change, votes: Collection[Vote], causes: Mapping[int, str]) -> None:
    if not votes:
        return
    Vote.objects.filter(pk__in=[vote.pk for vote in votes], voided_at=None).update(voided_at=Now())
    for vote in votes:
        facts = {"verdict": str(vote.verdict), "revision": vote.revision, "digest": vote.digest}
        ledger.record_event(
            "vote.voided",
            change=change.pk,
            secret=change.secret,
            data={
                "voter": vote.voter_id,
                "person": vote.voter.username,
                **facts,
                "mac": vote.mac,
                "void_cause": causes[vote.pk],
            },
        )
