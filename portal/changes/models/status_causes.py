"""Causes of the status of a change: codes that rows store, and their sentences."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class StatusCause(models.TextChoices):
    """Cause of the present status of a change, as a sentence; Segura's own message is stored verbatim beside it."""

    NONE = "", ""
    CONFIRMED = "confirmed", _("Segura confirmed the change, and its answer shows every proposed value.")
    CONFIRMED_UNSEEN = (
        "confirmed_unseen",
        _(
            "Segura confirmed the change. What it shows does not contain the new client secret, "
            "so that value is not verified."
        ),
    )
    READ_BACK = "read_back", _("Reading the secret back shows the proposed values.")
    APPLIED_EXCEPT = "applied_except", _("Segura confirmed the change, but did not take all entries of a share list.")
    REFUSED = "refused", _("Segura refused the change. The change was not applied.")
    REFUSED_SEEN = (
        "refused_seen",
        _("Segura answered the call with an error, and reading the secret back shows that it was not applied."),
    )
    REFUSED_UNSEEN = (
        "refused_unseen",
        _(
            "Segura answered the call with an error, and reading the secret back does not settle whether it was "
            "applied. A person has to look."
        ),
    )
    REFUSED_CHECK = (
        "refused_check",
        _("Segura answered the call with an error that is no proof by itself. The secret is read back to find out."),
    )
    NONE_TAKEN = (
        "none_taken",
        _("Segura confirmed the change, but reading the secret back shows that it took none of the proposed entries."),
    )
    NOT_FOUND = (
        "not_found",
        _("Segura has no such secret, or does not show it to the portal. The delivery stopped before sending."),
    )
    BASE_MOVED = (
        "base_moved",
        _("The secret was changed in Segura after this was proposed. The delivery stopped before sending."),
    )
    MOVED_AFTER_CALL = (
        "moved_after_call",
        _(
            "The secret in Segura is no longer as approvers saw it. Earlier calls of this change are listed with their "
            "answers. Nothing further was sent."
        ),
    )
    MOVED_BY_CHANGE = (
        "moved_by_change",
        _(
            "Another change that was proposed here changed the secret after this was proposed. "
            "The delivery stopped before sending."
        ),
    )
    ALREADY_THERE = (
        "already_there",
        _(
            "Segura already holds the proposed values, without a call of this change. "
            "The delivery stopped before sending."
        ),
    )
    BASE_UNSEEN = (
        "base_unseen",
        _(
            "Segura no longer lets the portal read the secret: what approvers saw cannot be compared. "
            "The delivery stopped before sending."
        ),
    )
    NOT_CONFIGURED = (
        "not_configured",
        _("The portal is not connected to Segura. The delivery waits and sends nothing meanwhile."),
    )
    NOT_SENT = "not_sent", _("This time the update was not sent. The portal tries again, later each time.")
    NOT_APPLIED = (
        "not_applied",
        _("Segura or its gateway turned the call away. The portal sends it again, later each time."),
    )
    UNREADABLE = (
        "unreadable",
        _("The secret could not be read for comparison. The delivery stopped before sending and is tried again."),
    )
    TOO_SLOW = "too_slow", _("Reading the secret took too long to send anything after it. It is tried again.")
    UNANSWERED = (
        "unanswered",
        _("The call was made, and no answer proves what became of it. The secret is read back to find out."),
    )
    ECHO_DIFFERS = (
        "echo_differs",
        _("Segura said yes, but its answer differs from what was sent. The secret is read back to find out."),
    )
    WORKER_LOST = (
        "worker_lost",
        _("The worker was lost while the call may have been under way. The secret is read back to find out."),
    )
    NEVER_STARTED = "never_started", _("The worker was lost before it made the call. The delivery is tried again.")
    SEND_AGAIN = (
        "send_again",
        _("Reading the secret shows that the proposed values are not all there. The approved values are sent."),
    )
    REPEAT_UNREAD = (
        "repeat_unread",
        _(
            "Segura did not let the portal read the secret, so it is not known whether the change was applied. "
            "The approved values are sent."
        ),
    )
    REPEAT_HIDDEN = (
        "repeat_hidden",
        _(
            "The new client secret cannot be seen when the secret is read, so it is not known whether it was applied. "
            "The approved values are sent."
        ),
    )
    THIRD_VALUE = (
        "third_value",
        _(
            "Segura holds a value that is neither the old nor the proposed one. "
            "Nothing more is sent until a person has looked."
        ),
    )
    PARTLY_APPLIED = (
        "partly_applied",
        _("Segura said yes, but reading the secret back does not show all proposed values. A person has to look."),
    )
    UNVERIFIED = (
        "unverified",
        _("Segura said yes with a differing answer, and the secret cannot be read back. A person has to look."),
    )
    REFUSED_REPEAT = (
        "refused_repeat",
        _(
            "Segura refused the call. Whether the change was applied before is not known: an earlier call may have "
            "been carried out. A person has to look."
        ),
    )
    TRIES_SPENT = "tries_spent", _("It could not be found out whether the change was applied. A person has to look.")
    RECHECKED = "rechecked", _("A person asked for another look. The secret is read back to find out.")
    CLOSED = "closed", _("A person looked at the secret in Segura and said what became of the change.")
    CLOSED_IN_PART = (
        "closed_in_part",
        _("A person looked at the secret in Segura and found that a part of the change was applied."),
    )
    RESTORED = (
        "restored",
        _("The portal was restored from a backup, so this may have been sent before. The secret is read back first."),
    )
    RESTORED_UNSEEN = (
        "restored_unseen",
        _(
            "The portal was restored from a backup, and the secret could not be read back in full. "
            "A person has to look."
        ),
    )
    TAMPERED = (
        "tampered",
        _("What is stored is not what was approved. The delivery stopped before sending. A person has to look."),
    )
    UNOPENED = (
        "unopened",
        _(
            "The stored client secret cannot be decrypted: it was altered or moved, or its key is missing. "
            "The delivery stopped before sending. A person has to look."
        ),
    )
    BROKEN = (
        "broken",
        _("The change could not be prepared, so the delivery stopped before sending. A person has to look."),
    )
    VOTE_VOIDED = (
        "vote_voided",
        _(
            "The change needs another approval: an approver lost the right to approve, or more approvals are required "
            "than before."
        ),
    )
    APPROVAL_OVER = (
        "approval_over",
        _("The approvals no longer count. Nothing more is sent until an administrator has looked in Segura."),
    )


def cause_choices() -> list[tuple[str, Any]]:
    """Return the choices of Change.cause; the field refers to this function, so a new wording needs no migration."""
    return list(StatusCause.choices)
