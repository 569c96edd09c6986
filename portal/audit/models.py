"""The event: one line of the log, whole in `text`; the other columns only help to find it. And what seals it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Left, Now, StrIndex
from django.utils.translation import gettext_lazy as _

from portal.audit import actions, entry


@dataclass(frozen=True)
class EventFilters:
    """What to look for; whatever is empty does not narrow. `since` is included, `until` is not."""

    person: str = ""
    secret: int | None = None
    change: int | None = None
    kind: str = ""
    code: str = ""
    since: datetime | None = None
    until: datetime | None = None
    only: str = ""


ONLY = {
    "unapproved": _("Calls without somebody else's approval"),
    "doubted": _("First calls of changes that came to be in doubt"),
    "voted": _("Proposals that were voted on"),
}
"""What the log finds by how events of one change stand to each other.

Approved is what somebody else than the one who proposed it has approved since it was last submitted or revised. Of the
changes that were sent and then came to be in doubt, both in the time that is asked for, the first call of that time is
found: an event for each change.
"""
_SENT = "delivery.intended"


class EventQuerySet(models.QuerySet["Event"]):
    def during(self, since: datetime, until: datetime) -> EventQuerySet:
        """Events of a time range; `since` is included, `until` is not."""
        return self.filter(at__gte=since, at__lt=until)

    def matching(self, filters: EventFilters) -> EventQuerySet:
        """Events that satisfy all filters at once. Every column here has its index."""
        found = self
        if filters.person:
            found = found.filter(actor=filters.person)
        if filters.secret is not None:
            found = found.filter(secret=filters.secret)
        if filters.change is not None:
            found = found.filter(change=filters.change)
        if filters.kind in actions.ACTION_GROUPS:
            found = found.alias(noun=_NOUN).filter(noun=filters.kind)
        elif filters.kind:
            found = found.filter(action=filters.kind)
        if filters.code:
            found = _answered(found, filters.code)
        found = _within(found, filters.since, filters.until)
        return found.counted(filters.only, filters.since, filters.until) if filters.only else found

    def counted(self, what: str, since: datetime | None, until: datetime | None) -> EventQuerySet:
        """Of these events of a time range what the overview counts: one of ONLY."""
        same = Event.objects.filter(change=OuterRef("change"))
        if what == "unapproved":
            return self._unapproved(same.filter(seq__lt=OuterRef("seq")))
        if what == "voted":
            return self.filter(Exists(same.filter(action="vote.cast")), action="change.submitted")
        sent, doubted = same.filter(action=_SENT, seq__lt=OuterRef("seq")), same.filter(action="change.doubted")
        if since:
            sent = sent.filter(at__gte=since)
        if until:
            doubted = doubted.filter(at__lt=until)
        return self.filter(~Exists(sent), Exists(doubted.filter(seq__gt=OuterRef("seq"))), action=_SENT)

    def _unapproved(self, earlier: EventQuerySet) -> EventQuerySet:
        proposed = earlier.filter(action__in=("change.submitted", "change.revised")).order_by("-seq")
        approved = earlier.filter(action="change.approved").exclude(actor=OuterRef("proposer"))
        calls = self.filter(action=_SENT).alias(
            proposer=Subquery(proposed.values("actor")[:1]), proposed_as=Subquery(proposed.values("seq")[:1])
        )
        return calls.exclude(Exists(approved.filter(seq__gt=OuterRef("proposed_as"))))


def _answered(found: EventQuerySet, code: str) -> EventQuerySet:
    """An exact code ("201"), a class ("4xx"), or "none" for calls that got no answer."""
    if code == "none":
        return found.filter(code=None, action__in=actions.RESPONSE_ACTIONS)
    if code.endswith("xx"):
        return found.alias(hundreds=_HUNDREDS).filter(code__isnull=False, hundreds=int(code[0]))
    return found.filter(code=int(code))


def _within(found: EventQuerySet, since: datetime | None, until: datetime | None) -> EventQuerySet:
    """Of this time. Numbers follow time but for some moments, so that they bound every other index as well."""
    in_time = Event.objects.order_by("at", "id").values("pk")
    if since:
        first = Subquery(in_time.filter(at__gte=since - _SLACK)[:1])
        found = found.filter(at__gte=since, pk__gte=first)
    if until:
        last = Subquery(in_time.reverse().filter(at__lt=until + _SLACK)[:1])
        found = found.filter(at__lt=until, pk__lte=last)
    return found


_SLACK = timedelta(hours=1)
_NOUN = Left("action", StrIndex("action", Value(".")) - 1)
_HUNDREDS = F("code") / 100


_Events = models.Manager.from_queryset(EventQuerySet)


class EventManager(_Events["Event"]):
    """Events without the column of their instant, which is there to be searched; what is said is in their texts.

    Somebody who forges an event may date it so that nobody can read it, and it shall take no page with it.
    """

    def get_queryset(self) -> EventQuerySet:
        """All of them."""
        return super().get_queryset().defer("at")  # type: ignore[return-value]  # it is one, from_queryset says so


class Event(models.Model):
    """What happened. Written by ledger.record_event() alone; the database refuses to change or delete it.

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

    objects = EventManager()

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
            models.Index(_NOUN, F("id").desc(), name="event_noun"),
            models.Index(_HUNDREDS, F("id").desc(), condition=Q(code__isnull=False), name="event_code_class"),
            models.Index(
                fields=["-id"], condition=Q(code=None, action__in=actions.RESPONSE_ACTIONS), name="event_unanswered"
            ),
            models.Index(fields=["action", "at"], condition=Q(action__in=actions.COUNTED), name="event_counted"),
        ]

    @cached_property
    def entry(self) -> entry.Entry | None:
        """What the hashed text says, for pages; None where somebody made it unreadable."""
        try:
            return entry.parse_entry(self.text)
        except entry.UnreadableEntry:
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


class Routine(models.Model):
    """What the sealer does now and then, and what came of it last. Nobody else may write it.

    Events would say the same, but whoever may add events could add one that keeps the next time from ever coming.
    """

    name = models.CharField(max_length=16, primary_key=True)
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    event = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()


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
