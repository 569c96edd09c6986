"""Coverage of rights: how many users have each right, and warnings before work is blocked by too few of them."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.changes.models import Revision, Status

FIRST_COMMAND = "manage.py user NAME --role administrator"
"""Command on the host that makes the second administrator, while there is one."""
_ENOUGH = 100
_SHOWN = 20


@dataclass(frozen=True)
class RightCoverage:
    """A right and its number of active users, counted up to a hundred."""

    right: Right
    holders: int


@dataclass(frozen=True)
class CoverageGap:
    """Too few users with a right: now (`is_error`) or after one absence; `changes` are the ids of changes that wait."""

    is_error: bool
    words: str
    changes: tuple[int, ...] = ()


def count_right_holders() -> list[RightCoverage]:
    """Count the users with each right."""
    return [RightCoverage(right, holders) for right, holders in roles.count_users_by_right(_ENOUGH).items()]


def find_coverage_gaps(known: list[RightCoverage]) -> list[CoverageGap]:
    """Return the tasks for which too few users have the right, now or after one absence; empty if there are none."""
    holders = {gate.right: gate.holders for gate in known}
    return [
        concern
        for concern in (_deciding(holders[Right.DECIDE]), _beyond(holders[Right.DECIDE]), *_alone(holders))
        if concern is not None
    ]


def _deciding(approvers: int) -> CoverageGap | None:
    required: int = settings.APPROVALS_REQUIRED
    if approvers > required:
        return None
    numbers = {"required": required, "approvers": approvers}
    if approvers < required:
        return CoverageGap(
            True, _("No change can be approved: approvals needed %(required)d, approvers %(approvers)d.") % numbers
        )
    return CoverageGap(
        False,
        ngettext(
            "Only one approver: their own changes, and all changes while they are away, cannot be approved.",
            "Only %(approvers)d approvers: their own changes, and all changes while one is away, cannot be approved.",
            approvers,
        )
        % numbers,
    )


def _beyond(approvers: int) -> CoverageGap | None:
    """Return the gap of pending changes that too few users may approve."""
    changes = tuple(_list_beyond(approvers).order_by("change_id")[:_SHOWN])
    words = _("These changes need more approvals than there are users who may approve them. Add approvers:")
    return CoverageGap(True, words, changes) if changes else None


def list_unapprovable_changes() -> QuerySet[Revision, int]:
    """Return the ids of pending changes that too few users may approve."""
    return _list_beyond(roles.users_with_right(Right.DECIDE)[:_ENOUGH].count())


def _list_beyond(approvers: int) -> QuerySet[Revision, int]:
    """Return the ids of pending changes that need more than so many approvers, none of whom may approve their own."""
    own = Q(policy__required__gt=approvers - 1, change__requester__in=roles.users_with_right(Right.DECIDE).values("pk"))
    waiting = Revision.objects.filter(
        Q(policy__required__gt=approvers) | own, change__status=Status.PENDING, number=F("change__revision")
    )
    return waiting.values_list("change_id", flat=True)


def _alone(holders: dict[Right, int]) -> list[CoverageGap]:
    found = []
    if not holders[Right.PROPOSE]:
        found.append(CoverageGap(False, _("No one can propose a change.")))
    if holders[Right.OPERATE] < 2:
        found.append(
            CoverageGap(
                False,
                _(
                    "Only one administrator: no one else can resolve their changes, and no proposal about people can be"
                    " approved."
                ),
            )
        )
    elif holders[Right.OPERATE] == 2:
        found.append(
            CoverageGap(
                False,
                _(
                    "Only two administrators: a proposal about one of them, and all proposals while one is away, cannot"
                    " be approved."
                ),
            )
        )
    if not holders[Right.AUDIT]:
        found.append(CoverageGap(False, _("No one can read the audit log.")))
    return found
