"""Tables of the local copy of Segura's list and directory, and of their synchronisations."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.catalog.read_failure import FailureKind, ReadFailure
from portal.common.parsing import parse_db_integer
from portal.common.text_folding import fold_text


class FoldedName(models.CharField):  # type: ignore[type-arg]
    """Column with the row's folded name, written whenever the row is saved."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: ARG002
        folded = fold_text(model_instance.name)[: self.max_length]  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, folded)
        return folded


class SecretQuerySet(models.QuerySet["ApiSecret"]):
    def present(self) -> SecretQuerySet:
        """Return the secrets that Segura still lists."""
        return self.filter(vanished_at=None)

    def proposable(self) -> SecretQuerySet:
        """Return the secrets that a change may be proposed for."""
        return self.present().filter(can_write=True)

    def viewable(self) -> SecretQuerySet:
        """Return the listed secrets whose details Segura shows without an approval or a justification."""
        return self.present().filter(can_view=True, need_approval=False, need_justify=False)

    def read_only(self) -> SecretQuerySet:
        """Return the listed secrets that the portal may not write."""
        return self.present().filter(can_write=False)

    def needs_approval_in_segura(self) -> SecretQuerySet:
        """Return the listed secrets whose details Segura shows only after an approval."""
        return self.present().filter(need_approval=True)

    def unread(self) -> SecretQuerySet:
        """Return the listed secrets whose details were never read here, so that neither host nor tags are known."""
        return self.present().filter(read_at=None)

    def unlisted(self) -> SecretQuerySet:
        """Return the secrets that Segura no longer lists."""
        return self.exclude(vanished_at=None)

    def matching(self, text: str) -> SecretQuerySet:
        """Return the secrets found by a part of the name, the beginning of a search term, or the identifier."""
        words = SearchTerm.objects.filter(folded__startswith=fold_text(text)[: SearchTerm.LONGEST])
        found = Q(folded__contains=fold_text(text)) | Q(pk__in=words.values("secret"))
        number = parse_db_integer(text)
        return self.filter(found if number is None else found | Q(identifier=number))

    def named(self, text: str, most: int) -> list[int]:
        """Return the identifiers of at most `most` secrets with the text in their name."""
        found = self.filter(folded__contains=fold_text(text)).order_by()
        return list(found.values_list("pk", flat=True)[:most])


class ApiSecret(models.Model):
    """Row of Segura's list (contract 5.1). A secret that is no longer listed is marked, never deleted.

    There is no "last seen" column: a secret without the mark was in the last list that arrived. Therefore a
    synchronisation that finds nothing new writes nothing.
    """

    identifier = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=500)
    folded = FoldedName(max_length=500, editable=False)
    can_view = models.BooleanField()
    can_write = models.BooleanField()
    need_justify = models.BooleanField()
    need_approval = models.BooleanField()
    first_seen_at = models.DateTimeField()
    vanished_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True, help_text="When a person last read the details here.")
    read_digest = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Of the keywords that reading left."
    )

    objects = SecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["folded", "identifier"], name="secret_folded"),
            # filters of the list that match few rows
            models.Index(fields=["folded", "identifier"], condition=~Q(vanished_at=None), name="secret_vanished"),
            models.Index(
                fields=["folded", "identifier"], condition=Q(vanished_at=None, can_write=False), name="secret_read_only"
            ),
            models.Index(
                fields=["folded", "identifier"], condition=Q(vanished_at=None, need_approval=True), name="secret_gated"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def blocked_reason(self) -> str:
        """Reason why no change can be proposed for the secret, and who can help; '' if one can be proposed."""
        if self.vanished_at is not None:
            return _(
                "Segura no longer lists this secret: it was deleted or deactivated, or is no longer shared with "
                "Countersign's Segura user. Its owner can share it again."
            )
        if not self.can_write:
            return _(
                "Countersign's Segura user may not edit this secret; its owner can share it with the right to edit."
            )
        return ""


class SearchTerm(models.Model):
    """Search term of a secret, from the last read of its details; never from the client secret or the notes."""

    class Kind(models.TextChoices):
        URL = "url"
        TAG = "tag"
        USER = "user"
        GROUP = "group"

    LONGEST = 200

    secret = models.ForeignKey(ApiSecret, on_delete=models.CASCADE, related_name="search_terms")
    kind = models.CharField(max_length=5, choices=Kind)
    # With db_index PostgreSQL gets an index for prefix searches, whatever its collation.
    folded = models.CharField(max_length=LONGEST, db_index=True)
    shown = models.CharField(max_length=LONGEST)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["kind", "folded"], name="search_term_kind")]


class DirectoryName(models.Model):
    """User or group of Segura's directory, by the name that shares use."""

    class Kind(models.TextChoices):
        USER = "user"
        GROUP = "group"

    LONGEST = 200

    kind = models.CharField(max_length=5, choices=Kind)
    name = models.CharField(max_length=LONGEST)
    display_name = models.CharField(max_length=LONGEST, blank=True)
    folded = models.CharField(max_length=LONGEST, help_text="What is searched: both names.")
    active = models.BooleanField()

    class Meta:
        default_permissions = ()
        ordering = ["folded", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="directory_name_once")]
        indexes = [
            models.Index(fields=["kind", "folded", "name"], condition=Q(active=True), name="directory_name_folded"),
        ]


class DirectorySync(models.Model):
    """Synchronisation of the directory: the requesting user ('' for the schedule), its time and its result."""

    by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    users = models.IntegerField(default=0)
    groups = models.IntegerField(default=0)
    left_out = models.IntegerField(default=0, db_default=0, help_text="Entries that could not be read.")
    odd: models.JSONField[list[str]] = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="Some of them: place, name and reason."
    )
    kind = models.CharField(max_length=20, blank=True, help_text="What kept it from succeeding (failure.Kind).")
    code = models.IntegerField(null=True, help_text="HTTP status of the answer that decided.")
    message = models.CharField(max_length=500, blank=True, help_text="What the other side said.")

    class Meta:
        default_permissions = ()
        ordering = ["-id"]

    @property
    def sentence(self) -> str:
        """Sentence that says what went wrong and who can do what about it; '' if nothing did."""
        return ReadFailure(FailureKind(self.kind), self.code, None, self.message).sentence if self.kind else ""


class CatalogSyncQuerySet(models.QuerySet["CatalogSync"]):
    def under_way(self) -> CatalogSyncQuerySet:
        """Return the synchronisations that wait or run, and not for longer than a worker can take."""
        return self.filter(finished_at=None, asked_at__gte=_given_up_before())

    def lost(self) -> CatalogSyncQuerySet:
        """Return the synchronisations that cannot end by themselves, because their worker or their message is gone."""
        return self.filter(finished_at=None, asked_at__lt=_given_up_before())


def _given_up_before() -> datetime:
    return timezone.now() - timedelta(seconds=3 * settings.SEGURA_DEADLINE_S)


class CatalogSync(models.Model):
    """Synchronisation of the catalog: the requesting user ('' for the schedule), its times and its result."""

    by = models.CharField(max_length=150, blank=True)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    listed = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    altered = models.IntegerField(default=0)
    returned = models.IntegerField(default=0)
    vanished = models.IntegerField(default=0)
    left_out = models.IntegerField(default=0, db_default=0, help_text="Rows that could not be read.")
    odd: models.JSONField[list[str]] = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="Some of them: place, name and reason."
    )
    kind = models.CharField(max_length=20, blank=True, help_text="What kept it from succeeding (failure.Kind).")
    code = models.IntegerField(null=True, help_text="HTTP status of the answer that decided.")
    number = models.IntegerField(null=True, help_text="Segura's own error number.")
    message = models.CharField(max_length=500, blank=True, help_text="What the other side said.")

    objects = CatalogSyncQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        indexes = [models.Index(fields=["asked_at"], condition=Q(finished_at=None), name="catalog_sync_unfinished")]

    @property
    def sentence(self) -> str:
        """Sentence that says what went wrong and who can do what about it; '' if nothing did."""
        return ReadFailure(FailureKind(self.kind), self.code, self.number, self.message).sentence if self.kind else ""
