"""Explanation of each status for new users: what it means, who acts, and what cannot happen."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.changes.models import Status

STATUS_HELP: dict[Status, Promise | str] = {
    Status.PENDING: _(
        "It waits for approval. Nothing is sent to Segura before that. "
        "Nobody approves a change they proposed; a revision voids the votes given so far."
    ),
    Status.APPROVED: _(
        "It has the approvals it needs and waits for a worker. Before sending, the worker compares the secret in "
        "Segura with what the approvers saw, and stops where it is no longer the same."
    ),
    Status.SENDING: _("A worker has taken it up: it reads the secret, compares, and sends the update once."),
    Status.IN_DOUBT: _(
        "The update was sent, or may have been, and no answer proves what became of it. The portal reads the secret "
        "back and decides by what it finds. Where Segura does not show it, the same values are sent again."
    ),
    Status.NEEDS_HUMAN: _(
        "The portal cannot go on with it by itself. An administrator who neither proposed nor edited it looks in "
        "Segura. Until then nothing more is sent for this secret."
    ),
    Status.APPLIED: _(
        "Segura confirmed it, or reading the secret back showed the proposed values, or an administrator found them "
        "there. What exactly was seen is said above."
    ),
    Status.FAILED: _(
        "Segura refused it or has no such secret for the portal, or reading the secret back or an administrator showed "
        "that it was not applied. It can be retried under its approvals for some days."
    ),
    Status.STALE: _(
        "The secret in Segura is no longer as approvers saw it, or can no longer be compared. "
        "Its requester revises it against what is there now, or withdraws it."
    ),
    Status.REJECTED: _("An approver said no, with a reason. It is not sent any more; another attempt is a new change."),
    Status.WITHDRAWN: _("Its requester took it back. It is not sent any more."),
    Status.EXPIRED: _("Its time ran out before it was decided or applied. It is not sent any more."),
}
