"""What each state means, for whoever meets it for the first time: what it is, who acts, and what cannot happen."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.changes.models import Status

MEANING: dict[Status, Promise | str] = {
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
        "The update was sent, and no answer proves what became of it. The portal never repeats it blindly: it reads "
        "the secret back and decides by what it finds."
    ),
    Status.NEEDS_HUMAN: _(
        "Reading back could not settle what became of it. An administrator who neither proposed nor edited it looks in "
        "Segura; until then nothing more is sent for this secret."
    ),
    Status.APPLIED: _("Segura has it. It is verified where reading the secret back showed the proposed values."),
    Status.FAILED: _(
        "Segura refused it, or a person found that it was not applied. The secret in Segura is as it was. It can be "
        "retried under its approvals for some days."
    ),
    Status.STALE: _(
        "Somebody changed the secret in Segura after this was proposed, so approvers had seen something else. "
        "Nothing was sent. Its requester revises it against what is there now, or withdraws it."
    ),
    Status.REJECTED: _("An approver said no, with a reason. It can never be sent; another attempt is a new change."),
    Status.WITHDRAWN: _("Its requester took it back before it was decided. It can never be sent."),
    Status.EXPIRED: _("Its time ran out before it was decided or sent. It can never be sent."),
}
