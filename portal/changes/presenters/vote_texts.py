"""Text of a vote that the browser signs with a vote key."""

from __future__ import annotations

from collections.abc import Iterable

from portal.accounts.models import User
from portal.audit.sealing import vote_key_chain
from portal.changes.models import Change, Verdict
from portal.changes.transitions import db_now
from portal.vote_keys.signed_text import build_vote_text


def build_text(picks: Iterable[tuple[int, int, str]], *, verdict: Verdict, reason: str, voter: User) -> str:
    """Return the canonical text of one vote on these changes (id, revision, digest). Raises Change.DoesNotExist."""
    picks = list(picks)
    changes = Change.objects.select_related("requester").in_bulk([change for change, _, _ in picks])
    if len(changes) < len(picks):
        raise Change.DoesNotExist
    items = [
        {
            "change": change,
            "revision": revision,
            "digest": digest,
            "requester": changes[change].requester_id,
            "requested_by": changes[change].requester.username,
        }
        for change, revision, digest in picks
    ]
    return build_vote_text(
        log=vote_key_chain.get_log_name(),
        voter=voter.pk,
        person=voter.username,
        verdict=str(verdict),
        reason=reason,
        items=items,
        at=db_now(),
    )
