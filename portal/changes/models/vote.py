"""Votes: rows that are written once and may be voided once."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.vote_keys.models import VoteKeyRevocation


class Verdict(models.TextChoices):
    APPROVE = "approve", _("Approve")
    REJECT = "reject", _("Reject")
    REQUEST_CHANGES = "request_changes", _("Request changes")


_ASKED = Q(verdict=Verdict.REQUEST_CHANGES)


class VoteQuerySet(models.QuerySet["Vote"]):
    def requesting_changes(self) -> VoteQuerySet:
        """Return the open requests for changes: of the current revision, by voters who have not decided since."""
        same = {name: OuterRef(name) for name in ("change", "revision", "voter")}
        decided = Vote.objects.filter(~_ASKED, voided_at=None, **same)
        return self.filter(_ASKED, ~Exists(decided), revision=F("change__revision"), voided_at=None)

    def with_rights(self) -> VoteQuerySet:
        """Return the votes, each with `voter_may_decide` and `is_key_revoked`, both as of now."""
        holders = roles.users_with_right(Right.DECIDE).filter(pk=OuterRef("voter"))
        revoked = VoteKeyRevocation.objects.filter(key__fingerprint=OuterRef("signed_with"))
        return self.annotate(voter_may_decide=Exists(holders), is_key_revoked=Exists(revoked))

    def signed_as_required(self) -> VoteQuerySet:
        """Return the votes that have a signature if SIGNED_VOTES requires one, by a key that is not revoked."""
        revoked = VoteKeyRevocation.objects.filter(key__fingerprint=OuterRef("signed_with"))
        unsigned = {
            "required": Q(signed_with=""),
            "required_high_risk": Q(signed_with="", is_high_risk=True),
        }.get(settings.SIGNED_VOTES, Q(pk=None))
        return self.exclude(unsigned).exclude(Exists(revoked))


class Vote(models.Model):
    """Verdict of one user on one revision, which is never altered, but may be voided for good.

    The requester is copied into the row, so that a constraint can reject a self-vote. A voter who requested changes may
    still approve or reject, which withdraws the request.
    """

    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, related_name="votes")
    revision = models.IntegerField()
    digest = models.CharField(max_length=64)
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    voter = models.ForeignKey(User, on_delete=models.PROTECT, related_name="votes")
    verdict = models.CharField(max_length=16, choices=Verdict)
    reason = models.TextField(blank=True)
    voted_at = models.DateTimeField()
    mac = models.CharField(
        max_length=100, blank=True, db_default="", help_text="Proves that the portal took the vote: vote_mac."
    )
    signed_with = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Fingerprint of the vote key that signed it, or ''."
    )
    is_high_risk = models.BooleanField(db_default=False, help_text="Whether the revision was of high risk.")
    voided_at = models.DateTimeField(null=True, help_text="Since then it does not count.")

    objects = VoteQuerySet.as_manager()

    class Meta:
        app_label = "changes"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(voter=F("requester")), name="vote_not_by_requester"),
            models.UniqueConstraint(
                fields=["change", "revision", "voter"],
                condition=~_ASKED & Q(voided_at=None),
                name="vote_once_per_revision",
            ),
            models.UniqueConstraint(
                fields=["change", "revision", "voter"],
                condition=_ASKED & Q(voided_at=None),
                name="vote_asks_once_per_revision",
            ),
        ]

    @property
    def lacks_signature(self) -> bool:
        """Whether SIGNED_VOTES requires a signature that the vote does not have."""
        required = {"required": True, "required_high_risk": self.is_high_risk}.get(settings.SIGNED_VOTES, False)
        return required and not self.signed_with
