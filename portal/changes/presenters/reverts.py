"""Links between an applied change and the changes that revert it, for the page of either."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.domain import reverting
from portal.changes.models import OPEN, Change, Revision, Status
from portal.changes.presenters import change_rows
from portal.changes.rules import revert_rules


@dataclass(frozen=True)
class RevertLink:
    """A change on the other side of a revert; `linked`: whether the reader may open it."""

    change: Change
    linked: bool


@dataclass(frozen=True)
class Reverts:
    """Reverts of a change and the change that it reverts, for its page.

    `reverted`: the change that this one reverts; `unrestored`: fields that it sets to something other than the value
    from before that change. `reverted_by`: changes that revert this one. `offered`: whether the reader may propose a
    revert; `blocked_reason`: why the values from before the change cannot be restored.
    """

    reverted: RevertLink | None = None
    unrestored: list[str] = field(default_factory=list)
    reverted_by: list[RevertLink] = field(default_factory=list)
    offered: bool = False
    blocked_reason: str = ""


def load_reverts(change: Change, revision: Revision, *, reader: User) -> Reverts:
    """Load the links of a change with this current revision; without a query if it cannot have any."""
    reverted, unrestored = _load_reverted(change, revision, reader)
    if change.status != Status.APPLIED:
        return Reverts(reverted, unrestored)
    reverting_changes = list(change.reverted_by.order_by("pk"))
    violation = revert_rules.find_revert_violation(change, revision)
    under_review = any(other.status in OPEN for other in reverting_changes)
    may_propose = roles.has_right(reader, Right.PROPOSE)
    return Reverts(
        reverted,
        unrestored,
        [_link(other, reader) for other in reverting_changes],
        offered=may_propose and violation is None and not under_review,
        blocked_reason=str(violation) if may_propose and violation else "",
    )


def _load_reverted(change: Change, revision: Revision, reader: User) -> tuple[RevertLink | None, list[str]]:
    """Return the change that this one reverts, and the fields whose earlier values this one does not restore."""
    if change.reverts_id is None:
        return None, []
    found = Revision.objects.filter(change=change.reverts_id).select_related("change").order_by("-number")
    source = found.defer("encrypted_secret")[0]
    unrestored = reverting.find_unrestored_fields(revision.patch, revision.base or {}, source.patch, source.base or {})
    return _link(source.change, reader), unrestored


def _link(change: Change, reader: User) -> RevertLink:
    return RevertLink(change, change_rows.can_view(change.requester_id, reader))
