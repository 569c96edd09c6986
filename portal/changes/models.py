"""The change request and what belongs to it.

Constraints are the last defence; the rules live in workflow and transitions.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.drafts import Draft as Draft  # a model, where Django looks for them


class Status(models.TextChoices):
    PENDING = "pending", _("Pending")
    APPROVED = "approved", _("Approved")
    SENDING = "sending", _("Sending")
    IN_DOUBT = "in_doubt", _("In doubt")
    NEEDS_HUMAN = "needs_human", _("Needs a person")
    APPLIED = "applied", _("Applied")
    FAILED = "failed", _("Failed")
    STALE = "stale", _("Stale")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Expired")


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
    TAMPERED = "tampered", _("What is stored is not what was approved. Nothing was sent. A person has to look.")
    BROKEN = "broken", _("The change could not be prepared for sending. Nothing was sent. A person has to look.")


def causes() -> list[tuple[str, Any]]:
    """The choices of Change.cause, by reference: a better wording needs no migration."""
    return list(Cause.choices)


OPEN = (Status.PENDING, Status.APPROVED, Status.SENDING, Status.IN_DOUBT, Status.NEEDS_HUMAN, Status.STALE)
"""Somebody or something still has to act."""
REVISABLE = (Status.PENDING, Status.STALE)
"""Its requester may still revise or withdraw it."""
LANE = (Status.SENDING, Status.IN_DOUBT, Status.NEEDS_HUMAN)
"""Something may be on its way to the vault: no other change of the same secret may start."""


class ChangeQuerySet(models.QuerySet["Change"]):
    def awaiting_decision_by(self, person: User) -> ChangeQuerySet:
        """Pending changes on which this person may vote: not their own, not edited by them, not voted on yet."""
        return (
            self.filter(status=Status.PENDING)
            .exclude(requester=person)
            .exclude(Q(pk__in=Revision.objects.filter(editor=person).values("change_id")))
            .exclude(Q(pk__in=Vote.objects.filter(voter=person, revision=F("change__revision")).values("change_id")))
        )

    @staticmethod
    def sees_all(person: User) -> bool:
        """Whether this person may read every change: who decides, audits or operates."""
        return not roles.rights_of(person).isdisjoint({Right.DECIDE, Right.AUDIT, Right.OPERATE})

    def visible_to(self, person: User) -> ChangeQuerySet:
        """What this person may read: everything, or what they proposed themselves."""
        return self.all() if self.sees_all(person) else self.proposed_by(person)

    def matching(self, text: str) -> ChangeQuerySet:
        """By the name of the secret, or by the change's number: «12» and «CR-12» alike."""
        found = Q(secret_name__icontains=text)
        number = text.upper().removeprefix("CR-")
        return self.filter(found | Q(pk=int(number)) if number.isdecimal() and len(number) < 19 else found)

    def proposed_by(self, person: User) -> ChangeQuerySet:
        return self.filter(requester=person)

    def open(self) -> ChangeQuerySet:
        return self.filter(status__in=OPEN)

    def ended(self) -> ChangeQuerySet:
        return self.exclude(status__in=OPEN)

    def of_secret(self, identifier: int) -> ChangeQuerySet:
        return self.filter(secret=identifier)


class Change(models.Model):
    """A proposed edit of one API secret and where it stands. `status` is written by transitions alone."""

    secret = models.BigIntegerField()
    secret_name = models.CharField(max_length=500)
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    revision = models.IntegerField(default=1, help_text="Number of the revision that counts.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Delivery
    fence = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True, help_text="Until then the gateway may replay a call of this change.")
    tries = models.IntegerField(default=0, help_text="Pauses so far; they grow with it.")
    doubts = models.IntegerField(default=0, help_text="Calls of unknown outcome so far.")
    doubtful_since = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=16, choices=causes, default=Cause.NONE, blank=True)
    answer_code = models.IntegerField(null=True, help_text="HTTP status of the newest answer.")
    answer = models.TextField(blank=True, help_text="What the newest answer said, verbatim; never a secret.")

    objects = ChangeQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["secret"], condition=Q(status__in=LANE), name="change_one_lane_per_secret"),
            models.UniqueConstraint(fields=["id", "requester"], name="change_id_requester"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="change_known_status"),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="change_status"),
            models.Index(fields=["requester", "-id"], name="change_requester"),
            models.Index(fields=["secret", "-id"], name="change_secret"),
            models.Index(fields=["requester", "-ended_at"], name="change_requester_ended"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What people call it."""
        return f"CR-{self.pk}"

    def current(self) -> Revision:
        """The revision that counts."""
        return self.revisions.get(number=self.revision)

    def erase_sealed(self) -> None:
        """Nobody opens them any more: no revision keeps a sealed client secret."""
        self.revisions.exclude(sealed_secret=None).update(sealed_secret=None)


class Revision(models.Model):
    """What exactly is proposed. Immutable, but for the sealed value, which is erased when the change ends."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="revisions")
    number = models.IntegerField()
    editor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    patch: models.JSONField[dict[str, Any]] = models.JSONField(
        help_text="Field -> new value; shares as [[name, can_edit], ...]; never the client secret."
    )
    base: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, help_text="All visible fields as read at proposal, null where they could not be read."
    )
    base_secret_fingerprint = models.CharField(max_length=64, blank=True)
    sealed_secret = models.BinaryField(null=True)
    secret_fingerprint = models.CharField(max_length=64, blank=True)
    secret_traits: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, help_text="What approvers are told of a new value: traits.of(it)."
    )
    policy: models.JSONField[dict[str, Any]] = models.JSONField(help_text="The policy as it stood: {'required': n}.")
    reason = models.TextField()
    ticket = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["change", "number"], name="revision_change_number")]
        indexes = [
            models.Index(fields=["editor", "created_at"], name="revision_editor"),
            models.Index(fields=["secret_fingerprint"], condition=~Q(secret_fingerprint=""), name="revision_value"),
            models.Index(
                fields=["base_secret_fingerprint"], condition=~Q(base_secret_fingerprint=""), name="revision_base_value"
            ),
        ]


class Verdict(models.TextChoices):
    APPROVE = "approve", _("Approve")
    REJECT = "reject", _("Reject")


class Vote(models.Model):
    """One person's verdict on one revision.

    The requester is copied, so that the database itself can refuse a self-vote.
    """

    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="votes")
    revision = models.IntegerField()
    digest = models.CharField(max_length=64)
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    voter = models.ForeignKey(User, on_delete=models.PROTECT, related_name="votes")
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(voter=F("requester")), name="vote_not_by_requester"),
            models.UniqueConstraint(fields=["change", "revision", "voter"], name="vote_once_per_revision"),
        ]


class Breaker(models.Model):
    """Whether delivery as a whole is paused: one row for all workers, made with the first failure. See breaker."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    failures = models.IntegerField(default=0, help_text="Calls in a row that did not get through.")
    opened_at = models.DateTimeField(null=True, help_text="Paused since.")
    next_at = models.DateTimeField(null=True, help_text="When the next change may be tried.")
    code = models.IntegerField(null=True, help_text="HTTP status of the newest failure.")
    reason = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="breaker_one_row")]


class Attempt(models.Model):
    """One call of the update endpoint, written down before it is made (B4). Its id travels as X-Request-ID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="attempts")
    revision = models.IntegerField()
    fence = models.IntegerField()
    digest = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True)
    code = models.IntegerField(null=True)
    number = models.IntegerField(null=True)
    message = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["started_at"]
        constraints = [models.UniqueConstraint(fields=["change", "fence"], name="attempt_change_fence")]
