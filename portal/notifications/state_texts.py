"""Short texts of the page of notifications: the newest state of a change."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.notifications.routing import Text

STATE_TEXTS: dict[str, Text] = {
    "waiting": _("%(by)s asks for your review"),
    "voided": _("Revised by %(by)s after your vote: review it again"),
    "again": _("Needs one more approval again"),
    "withdrawn": _("Withdrawn by %(by)s"),
    "overruled": _("Rejected by %(by)s"),
    "voted": _("Approved by %(by)s, needs another approval"),
    "approved": _("Approved by %(by)s, waiting to be sent"),
    "returned": _("Needs approval again, nothing was sent"),
    "asked": _("%(by)s requested changes"),
    "rejected": _("Rejected by %(by)s"),
    "expired": _("Expired, it is not sent any more"),
    "stale": _("Out of date, it was not sent"),
    "applied": _("Applied"),
    "failed": _("Failed, see the reason"),
    "doubted": _("Outcome unknown, Countersign is checking"),
    "stuck": _("Needs an administrator"),
    "closed": _("Resolved manually by %(by)s"),
    "retried": _("Sent again by %(by)s"),
    "mentioned": _("%(by)s mentioned you"),
    "commented": _("%(by)s commented"),
    "escalated": _("Needs an administrator: check it in Segura"),
}
"""Texts by type, each takes `by`. A type that concerns no change has none: the page shows its title and its text."""

APPLIED_IN_PART = _("Applied in part, see what was not")
APPLIED_APPROVED = _("Applied, approved by %(people)s")
APPLIED_IN_PART_APPROVED = _("Applied in part, approved by %(people)s")
