"""Why a change stands where it stands: codes that rows keep, and their sentences."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Cause(models.TextChoices):
    """Why a change stands where it stands, in a sentence; what Segura itself said is kept verbatim beside it."""

    NONE = "", ""
    CONFIRMED = "confirmed", _("Segura confirmed the change.")
    READ_BACK = "read_back", _("Segura did not confirm the change, but reading it back shows it applied.")
    REFUSED = "refused", _("Segura refused the change. Nothing was changed.")
    BASE_MOVED = "base_moved", _("The secret was changed in Segura after this was proposed. Nothing was sent.")
    BASE_UNSEEN = (
        "base_unseen",
        _("Segura no longer lets the portal read the secret: what approvers saw cannot be compared. Nothing was sent."),
    )
    NOT_CONFIGURED = "not_configured", _("The portal is not connected to Segura. Nothing was sent.")
    NOT_SENT = "not_sent", _("The call did not reach Segura. It is sent again, later each time.")
    NOT_APPLIED = "not_applied", _("The call was turned away before Segura saw it. It is sent again, later each time.")
    UNREADABLE = "unreadable", _("The secret could not be read for comparison. Nothing was sent; it is tried again.")
    TOO_SLOW = "too_slow", _("Reading the secret took too long to send anything after it. It is tried again.")
    UNANSWERED = (
        "unanswered",
        _("The call was sent, and the answer does not say what became of it. The secret is read back to find out."),
    )
    ECHO_DIFFERS = (
        "echo_differs",
        _("Segura said yes, but its answer differs from what was sent. The secret is read back to find out."),
    )
    WORKER_LOST = (
        "worker_lost",
        _("The worker was lost while the call may have been under way. The secret is read back to find out."),
    )
    NEVER_STARTED = "never_started", _("The worker was lost before anything was sent. It is sent again.")
    SEND_AGAIN = "send_again", _("Reading the secret back shows it was not applied. The same change is sent again.")
    THIRD_VALUE = (
        "third_value",
        _("The secret holds neither the old nor the proposed values. Nothing more is sent until a person has looked."),
    )
    PARTLY_APPLIED = (
        "partly_applied",
        _("Segura said yes, but reading the secret back shows that not all of it was applied. A person has to look."),
    )
    UNVERIFIED = (
        "unverified",
        _("Segura said yes with a differing answer, and the secret cannot be read back. A person has to look."),
    )
    REFUSED_REPEAT = (
        "refused_repeat",
        _("Segura refused the repeat of a call whose first outcome is not known. A person has to look."),
    )
    TRIES_SPENT = "tries_spent", _("It could not be found out what became of the call. A person has to look.")
    RECHECKED = "rechecked", _("A person asked for another look. The secret is read back to find out.")
    CLOSED = "closed", _("A person looked at the secret in Segura and said what became of the change.")
    RESTORED = (
        "restored",
        _("The portal was restored from a backup, so this may have been sent before. The secret is read back first."),
    )
    RESTORED_UNSEEN = (
        "restored_unseen",
        _("The portal was restored from a backup, and the secret cannot be read back. A person has to look."),
    )
    VOTE_VOIDED = (
        "vote_voided",
        _("An approver lost the right to approve, so that vote no longer counts. The change needs another approval."),
    )
    APPROVAL_OVER = (
        "approval_over",
        _("The approvals no longer count. Nothing more is sent until an administrator has looked in Segura."),
    )
    TAMPERED = "tampered", _("What is stored is not what was approved. Nothing was sent. A person has to look.")
    BROKEN = "broken", _("The change could not be prepared for sending. Nothing was sent. A person has to look.")


def causes() -> list[tuple[str, Any]]:
    """The choices of Change.cause, by reference: a better wording needs no migration."""
    return list(Cause.choices)
