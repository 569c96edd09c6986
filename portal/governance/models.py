"""Proposals to change how Countersign is governed, which another person decides, and links to choose a password."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User


class ProposalKind(models.TextChoices):
    """Change that a proposal makes. The value is stored in rows and events and stays the same."""

    GIVE_ROLES = "give_roles", _("Give roles")
    ENABLE_ACCOUNT = "enable_account", _("Enable account")


class ProposalVerdict(models.TextChoices):
    """How a proposal ended; '' while it is open."""

    OPEN = "", _("Open")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    OUTDATED = "outdated", _("Out of date")


_ABOUT_RIGHTS = (ProposalKind.GIVE_ROLES, ProposalKind.ENABLE_ACCOUNT)
"""Kinds that no user can propose about themselves."""


class ProposalQuerySet(models.QuerySet["GovernanceProposal"]):
    def awaiting_decision_by(self, reader: User) -> ProposalQuerySet:
        """Return the open proposals that are neither the reader's own nor about them."""
        others = ~Q(subject=reader) & (Q(proposed_by=None) | ~Q(proposed_by=reader))
        return self.filter(others, verdict="")


class GovernanceProposal(models.Model):
    """Proposal to change the governance: `old` and `new` are the state before and after, `subject` is the person.

    The console proposes without a person (`proposed_by` is None) until an administrator adopts the proposal. The
    constraints and the triggers of 0002_triggers enforce the two-person rule if the code before them fails.
    """

    kind = models.CharField(max_length=40, choices=ProposalKind)
    subject = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    old = models.JSONField()
    new = models.JSONField()
    reason = models.TextField()
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    console = models.CharField(max_length=100, blank=True, db_default="", help_text="Console that proposed it, or ''.")
    proposed_at = models.DateTimeField(db_default=Now())
    verdict = models.CharField(max_length=20, blank=True, db_default="", choices=ProposalVerdict)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True, db_default="")

    objects = ProposalQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["-proposed_at"], name="proposal_by_time")]
        constraints = [
            models.CheckConstraint(
                name="proposal_not_decided_by_proposer",
                condition=Q(verdict=ProposalVerdict.WITHDRAWN) | ~Q(decided_by=F("proposed_by")),
            ),
            models.CheckConstraint(name="proposal_not_decided_by_subject", condition=~Q(decided_by=F("subject"))),
            models.CheckConstraint(
                name="proposal_not_about_proposer",
                condition=~Q(kind__in=_ABOUT_RIGHTS) | ~Q(proposed_by=F("subject")),
            ),
            models.CheckConstraint(
                name="proposal_approved_by_two",
                condition=~Q(verdict=ProposalVerdict.APPROVED) | Q(proposed_by__isnull=False, decided_by__isnull=False),
            ),
            models.CheckConstraint(
                name="proposal_decided_has_time",
                condition=Q(verdict="", decided_at=None, decided_by=None)
                | ~Q(verdict="") & Q(decided_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["subject"], condition=Q(verdict=""), name="proposal_one_open_per_person"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """Reference that people use: GP-3."""
        return f"GP-{self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether the proposal waits for a decision."""
        return self.verdict == ProposalVerdict.OPEN


class LinkPurpose(models.TextChoices):
    """Reason for a link to choose a password. The value is stored in rows and events and stays the same."""

    INVITATION = "invitation", _("Invitation")
    RESET = "password_reset", _("New password")


class PasswordLink(models.Model):
    """Link with which a person chooses a password once, mailed to the person. Its token is stored nowhere."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=20, choices=LinkPurpose)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    next_at = models.DateTimeField(
        null=True, db_default=Now(), help_text="When to mail it next; null once it was mailed or given up."
    )
    mailed_at = models.DateTimeField(null=True, help_text="When the mail server accepted it.")
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["person", "-id"], name="password_link_of_person"),
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="password_link_due"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.person_id}"
