"""Recount of votes when the rights of users change: votes of users who lost the right to decide are voided."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import F

from portal.accounts.signals import rights_changed
from portal.changes.approvals import valid_votes
from portal.changes.delivery import status_changes, tasks
from portal.changes.domain import policy
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Change, Revision, Status, StatusCause, Vote
from portal.changes.rules import base_checks, guards
from portal.changes.transitions import db_now, lock_change, move_change

_OVER = (Status.APPLIED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED)
"""Statuses in which no vote can cause a delivery any more."""


def on_rights_changed(users: Collection[int], **_signal: Any) -> None:
    """Recount the votes of these users, in the transaction that changes their rights."""
    voted = Vote.objects.filter(voter__in=users, voided_at=None, revision=F("change__revision"))
    changes = voted.exclude(change__status__in=_OVER).order_by("change").values_list("change", flat=True)
    for change_id in changes.distinct():  # in one order, so that two of these transactions do not deadlock
        with transaction.atomic():
            recount_votes(change_id)


def recount_votes(change_id: int) -> None:
    """Void votes that no longer count; return the change to pending, or approve it, if the count requires it.

    A change that a worker has claimed, or that may have been sent, keeps its status: the worker counts the votes again
    before it sends.
    """
    change = lock_change(change_id)
    standing = valid_votes.list_valid_votes(change)
    votes = valid_votes.void_lapsed(change, standing)
    revision = change.get_current_revision()
    missing = valid_votes.count_missing(revision, votes)
    if change.status == Status.APPROVED and change.in_doubt_since is None and missing:
        status_changes.mark_returned(change, missing)
    elif _is_decided(change, revision, votes, missing):
        _approve_anew(change, revision.digest, max(vote.voted_at for vote in votes))
    elif change.status == Status.PENDING and len(votes) < len(standing):
        move_change(change, Status.PENDING, "change.returned", data={"missing": missing}, cause=StatusCause.VOTE_VOIDED)


def _is_decided(change: Change, revision: Revision, votes: list[Vote], missing: int) -> bool:
    """Return whether the remaining votes approve the pending change, and nothing speaks against it."""
    if change.status != Status.PENDING or missing or guards.open_change_requests(votes):
        return False
    return not base_checks.load_changes_since_proposal(change, revision)


def _approve_anew(change: Change, digest: str, voted_at: Any) -> None:
    """Approve the change by its remaining valid votes, unless the approval would have expired already."""
    until = policy.approval_deadline(voted_at)
    if until <= db_now():
        return
    move_change(
        change,
        Status.APPROVED,
        "change.approved",
        data={"digest": digest, "risk": RiskLevel(change.risk).name.lower()},
        approved_at=(now := db_now()),
        queued_at=now,
        expires_at=until,
        cause=StatusCause.NONE,
    )
    transaction.on_commit(lambda: tasks.enqueue_change(change.pk))


rights_changed.connect(on_rights_changed, dispatch_uid="recount_votes")
