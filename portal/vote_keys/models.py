"""Vote keys: passkeys that sign votes. Enrolment, confirmation and revocation are rows of their own, never altered."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from portal.accounts.models import User


class VoteKeyQuerySet(models.QuerySet["VoteKey"]):
    def with_steps(self) -> VoteKeyQuerySet:
        """Return the keys with owner, confirmation and revocation, newest first, in one query."""
        steps = ("owner", "confirmation__confirmed_by", "revocation__revoked_by")
        return self.select_related(*steps).order_by("-enrolled_at", "-pk")

    def usable_by(self, user: User, *, origin: str) -> VoteKeyQuerySet:
        """Return the keys with which the user can sign on this site: not revoked, whether confirmed or not."""
        return self.filter(owner=user, revocation=None, origin=origin)


class VoteKey(models.Model):
    """Enrolled vote key. Pages read these rows; the worker and auditors trust signatures and sealed events alone."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="vote_keys")
    name = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64, unique=True)
    credential = models.CharField(max_length=1400, unique=True, help_text="Credential id, in base64url.")
    public_key = models.CharField(max_length=1400, help_text="COSE key, in base64url.")
    rp_id = models.CharField(max_length=255)
    origin = models.CharField(max_length=255)
    aaguid = models.CharField(max_length=36, help_text="Kind of authenticator, as the authenticator claims.")
    is_synced = models.BooleanField(help_text="Whether the passkey may be copied to other devices.")
    enrolled_at = models.DateTimeField(db_default=Now())

    objects = VoteKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["id", "owner"], name="vote_key_with_owner"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def short_fingerprint(self) -> str:
        """The first 16 digits of the fingerprint in groups of four, for people who compare it by voice."""
        return " ".join(self.fingerprint[at : at + 4] for at in range(0, 16, 4))

    @property
    def is_confirmed(self) -> bool:
        """Whether another person has confirmed the key."""
        return hasattr(self, "confirmation")

    @property
    def is_revoked(self) -> bool:
        """Whether the key was revoked."""
        return hasattr(self, "revocation")


class VoteKeyConfirmation(models.Model):
    """Confirmation of a key by another person. With the owner in it a constraint can reject a self-confirmation."""

    key = models.OneToOneField(VoteKey, on_delete=models.PROTECT, related_name="confirmation")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_with = models.ForeignKey(VoteKey, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(confirmed_by=F("owner")), name="vote_key_not_confirmed_by_owner"),
        ]


class VoteKeyRevocation(models.Model):
    """Revocation of a key by its owner or an administrator. `compromised_at`: since then it may be in other hands."""

    key = models.OneToOneField(VoteKey, on_delete=models.PROTECT, related_name="revocation")
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400)
    compromised_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
