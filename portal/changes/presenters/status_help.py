"""Explanation of each status for new users: what it means, who acts, and what cannot happen."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.changes.models import Status

STATUS_HELP: dict[Status, Promise | str] = {
    Status.PENDING: _(
        "Waiting for approval. Nothing is sent to Segura before that. Requesters cannot approve their "
        "own change, and a revision resets all votes."
    ),
    Status.APPROVED: _(
        "The change has all approvals and waits for a worker. Before sending, the worker compares the "
        "secret in Segura with what approvers saw, and stops if it is no longer the same."
    ),
    Status.SENDING: _("A worker reads the secret, compares it with what approvers saw, and sends the update once."),
    Status.IN_DOUBT: _(
        "The update was sent, or may have been, and no answer shows whether it was applied. "
        "Countersign reads the secret back and decides from what it finds. Where Segura denies the "
        "read, the approved values are sent again, and an edit made in Segura meanwhile would be "
        "overwritten; after too many tries an administrator must check."
    ),
    Status.NEEDS_ATTENTION: _(
        "Countersign cannot determine the outcome. An administrator who neither proposed nor edited "
        "the change must check in Segura; until then nothing more is sent for this secret."
    ),
    Status.APPLIED: _(
        "Segura confirmed the change, or reading the secret back showed the proposed values, or an "
        "administrator found them there. The page says above which of these was observed."
    ),
    Status.FAILED: _(
        "Segura refused the change or does not show the secret to Countersign, or reading the secret "
        "back or an administrator showed that it was not applied. For some days it can be retried "
        "with its existing approvals."
    ),
    Status.STALE: _(
        "The secret in Segura is no longer as approvers saw it, or can no longer be compared. The "
        "requester can revise the change against the current values or withdraw it."
    ),
    Status.REJECTED: _(
        "An approver rejected the change and gave a reason. Nothing more is sent. To try again, propose a new change."
    ),
    Status.WITHDRAWN: _("Withdrawn by the requester. Nothing more is sent."),
    Status.EXPIRED: _("Expired before it was decided or applied. Nothing more is sent."),
}
