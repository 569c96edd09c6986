"""Accounts of the OpenID provider that users sign in with, and their sessions."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from portal.accounts.models import User


class GroupsStatus(models.TextChoices):
    """Result of reading the groups claim at the last sign-in."""

    READ = "read"
    MISSING = "missing"
    OVERAGE = "overage"


class ProviderAccount(models.Model):
    """Link of a user to an account of the provider, by issuer and subject alone: names and addresses change owners."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="provider_account")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    groups_status = models.CharField(max_length=16, choices=GroupsStatus, db_default=GroupsStatus.READ)
    groups_read_at = models.DateTimeField(db_default=Now(), help_text="Last sign-in, which set the roles.")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="provider_account_once")]


class ProviderSession(models.Model):
    """Session of a provider user, by which a back-channel logout finds it. Deleted when the session has expired."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    sid = models.CharField(max_length=255, blank=True, help_text="Session id at the provider.")
    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
