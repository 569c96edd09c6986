"""The event: one line of the log, whole in `text`; the other columns only help to find it. And what seals it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from portal.audit import entry, events


@dataclass(frozen=True)
class Filters:
    """What to look for; whatever is empty does not narrow. `since` is included, `until` is not."""

    person: str = ""
    secret: int | None = None
    change: int | None = None
    kind: str = ""
    code: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """Newest first, along the index that answers a time range without walking down from today."""
        return ("-at", "-id") if self.since or self.until else ("-id",)


class EventQuerySet(models.QuerySet["Event"]):
    def during(self, since: datetime, until: datetime) -> EventQuerySet:
        """Events of a time range; `since` is included, `until` is not."""
        return self.filter(at__gte=since, at__lt=until)

    def matching(self, filters: Filters) -> EventQuerySet:
        """Events that satisfy all filters at once. Every column here has its index."""
        found = self
        if filters.person:
            found = found.filter(actor=filters.person)
        if filters.secret is not None:
            found = found.filter(secret=filters.secret)
        if filters.change is not None:
            found = found.filter(change=filters.change)
        if filters.kind:
            found = found.filter(action__in=events.of_kind(filters.kind))
        if filters.code:
            found = found.filter(_answered(filters.code))
        if filters.since:
            found = found.filter(at__gte=filters.since)
        if filters.until:
            found = found.filter(at__lt=filters.until)
        return found


def _answered(code: str) -> Q:
    """An exact code ("201"), a class ("4xx"), or "none" for calls that got no answer."""
    if code == "none":
        return Q(code=None, action__in=events.ANSWERS)
    if code.endswith("xx"):
        return Q(code__range=(int(code[0]) * 100, int(code[0]) * 100 + 99))
    return Q(code=int(code))


class Event(models.Model):
    """What happened. Written by ledger.record() alone; the database refuses to change or delete it.

    People, secrets and changes are named by id and text, never by foreign key: history outlives its subjects.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=150, blank=True)
    change = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    secret = models.BigIntegerField(null=True)
    code = models.IntegerField(null=True)
    text = models.TextField()

    objects = EventQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["change", "seq"], name="event_change_seq")]
        indexes = [
            models.Index(fields=["actor", "-id"], name="event_actor"),
            models.Index(fields=["secret", "-id"], name="event_secret"),
            models.Index(fields=["action", "-id"], name="event_action"),
            models.Index(fields=["code", "-id"], name="event_code"),
            models.Index(fields=["at", "id"], name="event_at"),
            models.Index(fields=["action", "at"], condition=Q(action__in=events.COUNTED), name="event_counted"),
        ]

    @cached_property
    def entry(self) -> entry.Entry | None:
        """What the hashed text says, for pages; None where somebody made it unreadable."""
        try:
            return entry.parse(self.text)
        except entry.Unreadable:
            return None


class Unsealed(models.Model):
    """An event the sealer has not seen. The database puts it here with the event, in one transaction.

    So the sealer never asks for "more than the last number": numbers are given out before they are committed, and
    a late one would be missed. And it never compares the whole log with what is sealed: it costs what is new.
    """

    event = models.BigIntegerField(primary_key=True)

    class Meta:
        default_permissions = ()


class Seal(models.Model):
    """A leaf of the tree: which event, under which hash. Leaves are numbered from 0 without a gap."""

    leaf = models.BigIntegerField(primary_key=True)
    event = models.BigIntegerField(unique=True)
    leaf_hash = models.BinaryField()

    class Meta:
        default_permissions = ()


class Tombstone(models.Model):
    """A leaf whose event's retention ended: its hash stays in the tree, and event `pruned` says that it went.

    The database lets an event go where its tombstone is there, and no hold on its change.
    """

    leaf = models.BigIntegerField(primary_key=True)
    event = models.BigIntegerField(unique=True)
    pruned = models.BigIntegerField()

    class Meta:
        default_permissions = ()


class LegalHold(models.Model):
    """A change whose events stay, however old they are, until the hold is taken off."""

    change = models.BigIntegerField(primary_key=True)
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()


class Subtree(models.Model):
    """The hash of a complete subtree, kept for every eighth level only.

    One row for 256 leaves, as the tiles of tlog-tiles: a proof reads at most 256 hashes for each eighth level and
    sealing adds next to nothing, where keeping every node would double what a log of ten million events stores.
    """

    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    root = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="subtree_place")]


class Checkpoint(models.Model):
    """The signed root over the first `size` leaves; `note` is what leaves this machine. One for a size, ever."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    key_id = models.CharField(max_length=8)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        ordering = ["-size"]
        get_latest_by = "size"
