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
            "Segura answered the call with an error, and reading the secret back does not show "
            "whether it was applied. An administrator must check it."
        ),
    )
    REFUSED_CHECK = (
        "refused_check",
        _("Segura answered the call with an error that is no proof by itself. Countersign reads the secret back."),
    )
    NONE_TAKEN = (
        "none_taken",
        _("Segura confirmed the change, but reading the secret back shows that it took none of the proposed entries."),
    )
    NOT_FOUND = (
        "not_found",
        _("Segura has no such secret, or does not show it to Countersign. Delivery stopped before sending."),
    )
    BASE_MOVED = (
        "base_moved",
        _(
            "Someone changed the secret in Segura after the proposal, so approvers saw other values. "
            "Delivery stopped before sending."
        ),
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
            "Another change sent by Countersign changed the secret after this proposal. Delivery "
            "stopped before sending."
        ),
    )
    ALREADY_THERE = (
        "already_there",
        _("Segura already holds the proposed values, without a call of this change. Delivery stopped before sending."),
    )
    BASE_UNSEEN = (
        "base_unseen",
        _(
            "Segura no longer lets Countersign read the secret, so the values that approvers saw "
            "cannot be compared. Delivery stopped before sending."
        ),
    )
    NOT_CONFIGURED = (
        "not_configured",
        _("Countersign is not connected to Segura. Delivery waits, and nothing is sent meanwhile."),
    )
    NOT_SENT = "not_sent", _("The update was not sent this time. Retrying with increasing delay.")
    NOT_APPLIED = (
        "not_applied",
        _("Segura or its gateway rejected the call. Retrying with increasing delay."),
    )
    UNREADABLE = (
        "unreadable",
        _("The secret could not be read for comparison. Delivery stopped before sending. Retrying."),
    )
    TOO_SLOW = "too_slow", _("Reading the secret took too long, so the update was not sent this time. Retrying.")
    UNANSWERED = (
        "unanswered",
        _("The call was made, and no answer shows whether it was applied. Countersign reads the secret back."),
    )
    ECHO_DIFFERS = (
        "echo_differs",
        _("Segura reported success, but its answer differs from what was sent. Countersign reads the secret back."),
    )
    WORKER_LOST = (
        "worker_lost",
        _("The worker stopped while the call may have been in progress. Countersign reads the secret back."),
    )
    NEVER_STARTED = "never_started", _("The worker stopped before it made the call. Delivery is tried again.")
    SEND_AGAIN = (
        "send_again",
        _("Reading the secret shows that the proposed values are not all there. The approved values are sent."),
    )
    REPEAT_UNREAD = (
        "repeat_unread",
        _(
            "The secret could not be read back, so it is not known whether the change was applied. "
            "The approved values are sent; an edit made in Segura meanwhile would be overwritten."
        ),
    )
    REPEAT_HIDDEN = (
        "repeat_hidden",
        _(
            "The new client secret is not shown when the secret is read, so it is not known whether it was applied. "
            "The approved values are sent; a client secret set in Segura meanwhile would be "
            "overwritten."
        ),
    )
    THIRD_VALUE = (
        "third_value",
        _(
            "In Segura the secret holds a value that is neither the old nor the proposed one. Nothing "
            "more is sent until an administrator has checked it."
        ),
    )
    PARTLY_APPLIED = (
        "partly_applied",
        _(
            "Segura reported success, but reading the secret back does not show all proposed values. "
            "An administrator must check it."
        ),
    )
    UNVERIFIED = (
        "unverified",
        _(
            "Segura reported success with a different answer, and the secret cannot be read back. An "
            "administrator must check it."
        ),
    )
    REFUSED_REPEAT = (
        "refused_repeat",
        _(
            "Segura refused the call. An earlier call may have been carried out, so it is not known "
            "whether the change was applied. An administrator must check it."
        ),
    )
    TRIES_SPENT = (
        "tries_spent",
        _("It could not be determined whether the change was applied. An administrator must check it."),
    )
    RECHECKED = "rechecked", _("An administrator asked for another check. Countersign reads the secret back.")
    CLOSED = "closed", _("An administrator checked the secret in Segura and recorded the outcome.")
    CLOSED_IN_PART = (
        "closed_in_part",
        _("An administrator checked the secret in Segura and found that a part of the change was applied."),
    )
    RESTORED = (
        "restored",
        _("Countersign was restored from a backup, so this may have been sent before. The secret is read back first."),
    )
    RESTORED_UNSEEN = (
        "restored_unseen",
        _(
            "Countersign was restored from a backup, and the secret could not be read back in full. "
            "An administrator must check it."
        ),
    )
    TAMPERED = (
        "tampered",
        _(
            "The stored change is not the one that was approved. Delivery stopped before sending. An "
            "administrator must check it."
        ),
    )
    UNOPENED = (
        "unopened",
        _(
            "The stored client secret cannot be decrypted: it was altered or moved, or its key is "
            "missing. Delivery stopped before sending. An administrator must check it."
        ),
    )
    SIGNATURE_NOT_PROVED = (
        "bad_signature",
        _(
            "The signature of an approval does not prove the vote, or its vote key is not confirmed in the audit log. "
            "Delivery stopped before sending. An administrator must check it."
        ),
    )
    BROKEN = (
        "broken",
        _("The change could not be prepared, so delivery stopped before sending. An administrator must check it."),
    )
    VOTE_VOIDED = (
        "vote_voided",
        _(
            "The change needs another approval: an approver lost the right to approve, an approval is not signed with "
            "a valid vote key, or more approvals are required than before."
        ),
    )
    APPROVAL_OVER = (
        "approval_over",
        _("The approvals no longer count. Nothing more is sent until an administrator has checked in Segura."),
    )


def cause_choices() -> list[tuple[str, Any]]:
    """Return the choices of Change.cause; the field refers to this function, so a new wording needs no migration."""
    return list(StatusCause.choices)
