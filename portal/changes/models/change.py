"""The change request and its revisions."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Func, OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTransform
from django.db.models.lookups import GreaterThan, LessThan
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.catalog.models import ApiSecret
from portal.changes.models.status_causes import StatusCause, cause_choices
from portal.changes.models.vote import Vote
from portal.common.db_expressions import CountSubquery, exists_by_index, is_among
from portal.common.parsing import parse_db_integer


class Status(models.TextChoices):
    PENDING = "pending", _("Pending")
    APPROVED = "approved", _("Approved")
    SENDING = "sending", _("Sending")
    IN_DOUBT = "in_doubt", _("Outcome unknown")
    NEEDS_ATTENTION = "needs_attention", _("Needs an administrator")
    APPLIED = "applied", _("Applied")
    FAILED = "failed", _("Failed")
    STALE = "stale", _("Out of date")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Expired")


OPEN = (Status.PENDING, Status.APPROVED, Status.SENDING, Status.IN_DOUBT, Status.NEEDS_ATTENTION, Status.STALE)
"""States that are not closed: a user or the worker still has to act."""
REVISABLE = (Status.PENDING, Status.STALE)
"""States in which the requester may revise or withdraw the change."""
SEE_ALL = frozenset({Right.DECIDE, Right.AUDIT, Right.OPERATE})
"""Rights, each of which permits reading every change."""
SEARCHED = 20_000
"""Newest changes that are searched for a text."""
_FEW = 300
LANE = (Status.SENDING, Status.IN_DOUBT, Status.NEEDS_ATTENTION)
"""States in which a call may be on its way to Segura, so that no other change of the same secret may start."""


class ChangeQuerySet(models.QuerySet["Change"]):
    def awaiting_decision_by(self, person: User) -> ChangeQuerySet:
        """Return pending changes for this user to vote on: not own, edited or voted on, no request for changes open.

        Returns no change if the user may not decide. The conditions are subqueries for each change, because a list of
        all changes that the user voted on would grow with every vote. The query starts at the oldest pending change, so
        that PostgreSQL skips the decided ones before it, whichever index it uses.
        """
        if not roles.has_right(person, Right.DECIDE):
            return self.none()
        this = OuterRef("pk")
        oldest = Change.objects.filter(status=Status.PENDING).order_by("pk").values("pk")[:1]
        return self.filter(
            Q(pk__gte=Subquery(oldest)),
            # person.pk and not person: it may be a Given (common.prepared).
            ~exists_by_index(Revision.objects.filter(change=this, editor=person.pk)),
            ~exists_by_index(
                Vote.objects.filter(change=this, voter=person.pk, revision=OuterRef("revision"), voided_at=None)
            ),
            ~exists_by_index(Vote.objects.requesting_changes().filter(change=this)),
            status=Status.PENDING,
        ).exclude(requester=person.pk)

    @staticmethod
    def sees_all(person: User) -> bool:
        """Return whether the user may read every change, as an approver, auditor or administrator."""
        return not roles.rights_of(person).isdisjoint(SEE_ALL)

    def visible_to(self, person: User) -> ChangeQuerySet:
        """Return the changes that the user may read: every change, or only their own."""
        return self.all() if self.sees_all(person) else self.proposed_by(person)

    def matching(self, text: str, *, also: Q | None = None) -> ChangeQuerySet:
        """Return the changes with this text in secret, ticket or reason, or as reference: «12» and «CR-12» alike.

        `also`: a condition that is enough by itself, such as the requester's name.
        Tickets and reasons are read in the newest SEARCHED of these changes, so that a search does not take longer from
        year to year. Up to _FEW matching secrets are found in the table of secrets, which is smaller than that of
        changes, and their changes are found whatever their age; a text in more names is read in the newest changes too.
        """
        current = Revision.objects.filter(change=OuterRef("pk"), number=OuterRef("revision"))
        stated = exists_by_index(current.filter(Q(ticket__icontains=text) | Q(reason__icontains=text)))
        named = ApiSecret.objects.named(text, _FEW + 1)
        known = Q(secret__in=named) if len(named) <= _FEW else Q()
        known |= also or Q()
        number = parse_db_integer(text.upper().removeprefix("CR-"))
        if number is not None:
            known |= Q(pk=number)
        if len(named) > _FEW:
            stated |= Q(secret_name__icontains=text)
        found = is_among(self.newest().filter(stated).values("pk"))
        return self.filter(found | known if known else found)

    def newest(self) -> ChangeQuerySet:
        """Return the newest SEARCHED of these changes: those that are searched for a text."""
        return self.model.objects.filter(is_among(self.order_by("-pk").values("pk")[:SEARCHED]))

    def with_requested_changes(self) -> ChangeQuerySet:
        """Return the pending changes whose approvers request a revision."""
        return self.filter(_changes_requested(), status=Status.PENDING)

    def proposed_by(self, person: User) -> ChangeQuerySet:
        return self.filter(requester=person)

    def open(self) -> ChangeQuerySet:
        return self.filter(status__in=OPEN)

    def ended(self) -> ChangeQuerySet:
        return self.exclude(status__in=OPEN)

    def of_secret(self, identifier: int) -> ChangeQuerySet:
        return self.filter(secret=identifier)


def requester_acts_filter(requester: User) -> Q:
    """Return the condition that a change of this requester waits for its requester.

    These are changes with an open request for a revision, changes that are out of date, those that can be retried, and
    those that too few other users may approve, whom the condition counts in the database.
    """
    able = CountSubquery(roles.users_with_right(Right.DECIDE).exclude(pk=requester.pk).values("pk"))
    able_json = Func(able, function="to_jsonb", output_field=models.JSONField())
    too_few = exists_by_index(
        Revision.objects.filter(
            GreaterThan(KeyTransform("required", "policy"), able_json),
            change=OuterRef("pk"),
            number=OuterRef("revision"),
        )
    )
    stuck = Q(LessThan(able, settings.APPROVALS_REQUIRED)) | _changes_requested() | too_few
    retryable = Q(status=Status.FAILED, closed_at__gt=timezone.now() - timedelta(days=settings.CHANGE_APPROVED_DAYS))
    return Q(status=Status.STALE) | retryable | (Q(status=Status.PENDING) & stuck)


def _changes_requested() -> Q:
    return exists_by_index(Vote.objects.requesting_changes().filter(change=OuterRef("pk")))


class Change(models.Model):
    """Proposed edit of one API secret, and its state. Only `transitions` writes `status`."""

    secret = models.BigIntegerField()
    secret_name = models.CharField(max_length=500)
    reverts = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="reverted_by",
        help_text="Applied change to undo.",
    )
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    revision = models.IntegerField(default=1, help_text="Number of the revision that counts.")
    risk = models.SmallIntegerField(
        db_default=3, help_text="RiskLevel of that revision; an unrated change is of high risk."
    )
    burst_size = models.SmallIntegerField(
        db_default=1, help_text="Of how many secrets its requester proposed in an hour."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    status_since = models.DateTimeField(null=True, help_text="When it came to its present status.")
    expires_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True, help_text="When the last vote approved it; a retry leaves it.")
    queued_at = models.DateTimeField(null=True, help_text="Its place in its lane: when it was approved or retried.")
    closed_at = models.DateTimeField(null=True)
    # Delivery
    fence = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    replay_window_until = models.DateTimeField(
        null=True, help_text="Until then the gateway may replay a call of this change."
    )
    backoff_count = models.IntegerField(default=0, help_text="Pauses so far; they grow with it.")
    unknown_outcomes = models.IntegerField(default=0, help_text="Calls of unknown outcome so far.")
    in_doubt_since = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=16, choices=cause_choices, default=StatusCause.NONE, blank=True)
    cause_details: models.JSONField[dict[str, Any]] = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="What belongs to the cause: names, numbers.",
    )
    approval_request_id = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Id of the request that approved or retried it."
    )
    last_http_status = models.IntegerField(null=True, help_text="HTTP status of the newest answer.")
    last_message = models.TextField(blank=True, help_text="What the newest answer said, verbatim; never a secret.")

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
            models.Index(fields=["status", "-risk", "id"], name="change_risk"),
            models.Index(fields=["requester", "-id"], name="change_requester"),
            models.Index(fields=["secret", "-id"], name="change_secret"),
            models.Index(fields=["requester", "-closed_at"], name="change_requester_ended"),
            models.Index(fields=["updated_at"], condition=Q(status=Status.PENDING), name="change_pending_moved"),
            models.Index(fields=["-closed_at"], condition=Q(status=Status.FAILED), name="change_failed_ended"),
            models.Index(
                fields=["expires_at", "id"],
                condition=Q(status__in=(Status.PENDING, Status.APPROVED, Status.STALE), in_doubt_since=None),
                name="change_deadline",
            ),
            # Same conditions and order as the queries of the sweep, so that PostgreSQL finds no other plan cheaper.
            models.Index(fields=["queued_at", "id"], condition=Q(status=Status.APPROVED), name="change_queue"),
            models.Index(fields=["secret", "queued_at", "id"], condition=Q(status=Status.APPROVED), name="change_lane"),
            models.Index(
                fields=["secret", "replay_window_until"],
                condition=Q(replay_window_until__isnull=False),
                name="change_hold",
            ),
            models.Index(fields=["in_doubt_since", "id"], condition=Q(status=Status.IN_DOUBT), name="change_doubt"),
            models.Index(fields=["lease_until", "id"], condition=Q(status=Status.SENDING), name="change_lease"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """Reference of the change, as users see it: CR-12."""
        return f"CR-{self.pk}"

    def get_current_revision(self) -> Revision:
        """Return the current revision, from all revisions of the change. Raises KeyError if its row was deleted."""
        return {revision.number: revision for revision in self.revisions.all()}[self.revision]

    def erase_encrypted_values(self) -> None:
        """Delete the encrypted client secrets of all revisions, which are not needed any more."""
        self.revisions.exclude(encrypted_secret=None).update(encrypted_secret=None)


class Revision(models.Model):
    """Exact content of a proposal. Immutable, except for the encrypted value, which closing the change erases."""

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
    base_read_at = models.DateTimeField(null=True, help_text="When the base was read from Segura.")
    encrypted_secret = models.BinaryField(null=True)
    secret_fingerprint = models.CharField(max_length=64, blank=True)
    secret_strength: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, help_text="What approvers see of a new value: secret_strength.measure_strength of it."
    )
    full_names: models.JSONField[dict[str, Any]] = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="List of shares -> name -> full name, as the directory had them at the proposal.",
    )
    unknown_names: models.JSONField[dict[str, Any]] = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="List of shares -> new names that the directory did not have at the proposal.",
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
            models.Index(KeyTransform("required", "policy"), name="revision_required"),
            models.Index(fields=["secret_fingerprint"], condition=~Q(secret_fingerprint=""), name="revision_value"),
            models.Index(
                fields=["base_secret_fingerprint"], condition=~Q(base_secret_fingerprint=""), name="revision_base_value"
            ),
        ]
