"""Who may do what now, and whether enough people may: a gate that nobody can pass is named before somebody meets it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import Revision, Status

COMMANDS = """\
manage.py user NAME --role approver
manage.py user NAME --role requester --role auditor
manage.py user NAME --no-role
manage.py user NAME --new-password
manage.py user NAME --disable
manage.py user NAME --enable"""
"""What changes rights: at the machine, where pages cannot reach."""
_ENOUGH = 100
_SHOWN = 20


@dataclass(frozen=True)
class RightCoverage:
    """A right, and how many active people hold it, counted up to a hundred."""

    right: Right
    holders: int


@dataclass(frozen=True)
class CoverageGap:
    """A gate that is shut (`grave`), or that one absence would shut; `changes` are the numbers it keeps waiting."""

    grave: bool
    words: str
    changes: tuple[int, ...] = ()


def list_users() -> QuerySet[User]:
    """All accounts, with their groups."""
    return User.objects.prefetch_related("groups")


def count_right_holders() -> list[RightCoverage]:
    """Each right and its holders, as they are now."""
    return [RightCoverage(right, roles.users_with_right(right)[:_ENOUGH].count()) for right in Right]


def find_coverage_gaps(known: list[RightCoverage]) -> list[CoverageGap]:
    """What cannot be done with these people, or soon may not be; none where all is well."""
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
            True, _("No change can be approved: it takes %(required)d, and %(approvers)d may approve.") % numbers
        )
    return CoverageGap(
        False,
        ngettext(
            "Only %(approvers)d person may approve, which is just enough: a change of their own, or a day off, waits.",
            "Only %(approvers)d people may approve, which is just enough: a change of their own, or a day off, waits.",
            approvers,
        )
        % numbers,
    )


def _beyond(approvers: int) -> CoverageGap | None:
    """Pending changes that too few of these people may approve: none of them approves an own one."""
    own = Q(policy__required__gt=approvers - 1, change__requester__in=roles.users_with_right(Right.DECIDE).values("pk"))
    waiting = Revision.objects.filter(
        Q(policy__required__gt=approvers) | own, change__status=Status.PENDING, number=F("change__revision")
    )
    changes = tuple(waiting.order_by("change_id").values_list("change_id", flat=True)[:_SHOWN])
    words = _("These changes need more approvals than there are users who may approve them. Add approvers:")
    return CoverageGap(True, words, changes) if changes else None


def _alone(holders: dict[Right, int]) -> list[CoverageGap]:
    found = []
    if holders[Right.OPERATE] == 1:
        found.append(
            CoverageGap(False, _("One person alone operates the portal: nobody else could close their own change."))
        )
    if not holders[Right.AUDIT]:
        found.append(CoverageGap(False, _("Nobody may read the audit log.")))
    return found
