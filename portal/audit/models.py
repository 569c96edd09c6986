"""Tables of the audit log: events, the sealer's queue, the Merkle tree, checkpoints and legal holds.

An event is stored whole in `text`; its other columns only help to find it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Left, Now, StrIndex

from portal.audit import actions, entry
from portal.audit.event_filters import IN_TEXT, EventFilters

_SENT = "delivery.intended"


class EventQuerySet(models.QuerySet["Event"]):
    def during(self, since: datetime, until: datetime) -> EventQuerySet:
        """Return the events of a time range; `since` is included, `until` is not."""
        return self.filter(at__gte=since, at__lt=until)

    def matching(self, filters: EventFilters) -> EventQuerySet:
        """Return the events that match all filters at once. Every column used here has an index."""
        found = _about(self, filters)
        if filters.kind in actions.ACTION_GROUPS:
            found = found.alias(noun=_NOUN).filter(noun=filters.kind)
        elif filters.kind in actions.COLLECTIONS:
            found = found.filter(action__in=actions.COLLECTIONS[filters.kind])
        elif filters.kind:
            found = found.filter(action=filters.kind)
        if filters.hide_views:
            found = found.exclude(action__in=actions.VIEWS)
        if filters.code:
            found = _answered(found, filters.code)
        found = _within(found, filters.since, filters.until)
        return found.counted(filters.only, filters.since, filters.until) if filters.only else found

    def counted(self, what: str, since: datetime | None, until: datetime | None) -> EventQuerySet:
        """Return those of these events that the search `what`, a key of ONLY, finds in the same time range."""
        if what in IN_TEXT:
            return self.filter(IN_TEXT[what])
        same = Event.objects.filter(change=OuterRef("change"))
        if what == "unapproved":
            return self._unapproved(same.filter(seq__lt=OuterRef("seq")))
        if what == "open_doubt":
            later = same.filter(action__in=actions.SETTLING, seq__gt=OuterRef("seq"))
            return self.filter(~Exists(later), action="change.in_doubt")
        if what == "voted":
            return self.filter(Exists(same.filter(action="vote.cast")), action="change.submitted")
        sent, doubted = same.filter(action=_SENT, seq__lt=OuterRef("seq")), same.filter(action="change.in_doubt")
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


def _about(found: EventQuerySet, filters: EventFilters) -> EventQuerySet:
    """Filter by user, secret and change."""
    if filters.people:
        found = found.filter(actor__in=filters.people)
    elif filters.person:
        found = found.filter(actor=filters.person)
    if filters.secrets is not None:
        found = found.filter(secret__in=filters.secrets)
    elif filters.secret is not None:
        found = found.filter(secret=filters.secret)
    return found if filters.change is None else found.filter(change=filters.change)


def _answered(found: EventQuerySet, code: str) -> EventQuerySet:
    """Filter by HTTP status: an exact one ("201"), a class ("4xx"), or "none" for calls without an answer."""
    if code == "none":
        return found.filter(http_status=None, action__in=actions.RESPONSE_ACTIONS)
    if code.endswith("xx"):
        return found.alias(hundreds=_HUNDREDS).filter(http_status__isnull=False, hundreds=int(code[0]))
    return found.filter(http_status=int(code))


def _within(found: EventQuerySet, since: datetime | None, until: datetime | None) -> EventQuerySet:
    """Filter by time, and by id as well.

    Ids follow the time except for short moments (`_SLACK`), so that bounds on the id limit every other index too.
    """
    in_time = Event.objects.order_by("at", "id").values("pk")
    if since:
        found = found.filter(at__gte=since, pk__gte=Subquery(in_time.filter(at__gte=since - _SLACK)[:1]))
    if until:
        found = found.filter(at__lt=until, pk__lte=Subquery(in_time.reverse().filter(at__lt=until + _SLACK)[:1]))
    return found


_SLACK = timedelta(hours=1)
_NOUN = Left("action", StrIndex("action", Value(".")) - 1)
_HUNDREDS = F("http_status") / 100


_Events = models.Manager.from_queryset(EventQuerySet)


class EventManager(_Events["Event"]):
    """Manager that defers the column `at`: it is only searched, pages read the instant from the text.

    A forged event may have an instant that Python cannot represent, and it must not break a page.
    """

    def get_queryset(self) -> EventQuerySet:
        return super().get_queryset().defer("at")  # type: ignore[return-value]  # from_queryset makes it one


class Event(models.Model):
    """One event of the log. Only ledger.record_event() writes it.

    The database refuses to change an event, and deletes it only if its Tombstone exists. Users, secrets and changes are
    stored by id and text, never by foreign key, because events outlive them.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=150, blank=True)
    change = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    secret = models.BigIntegerField(null=True)
    http_status = models.IntegerField(null=True)
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
            models.Index(fields=["http_status", "-id"], name="event_http_status"),
            models.Index(fields=["at", "id"], name="event_at"),
            models.Index(_NOUN, F("id").desc(), name="event_noun"),
            models.Index(
                _HUNDREDS, F("id").desc(), condition=Q(http_status__isnull=False), name="event_http_status_class"
            ),
            models.Index(
                fields=["-id"],
                condition=Q(http_status=None, action__in=actions.RESPONSE_ACTIONS),
                name="event_unanswered",
            ),
            models.Index(fields=["action", "at"], condition=Q(action__in=actions.COUNTED), name="event_counted"),
            models.Index(fields=["secret", "id"], condition=Q(action__in=actions.ACCESS), name="event_access"),
        ]

    @cached_property
    def entry(self) -> entry.Entry | None:
        """The parsed text, for pages; None if the text was made unreadable outside the portal."""
        try:
            return entry.parse_entry(self.text)
        except entry.UnreadableEntry:
            return None


class UnsealedEvent(models.Model):
    """Queue entry of an event that is not sealed yet. A trigger inserts it in the event's transaction.

    The sealer therefore never queries for ids above the last one, which would miss a late commit, because ids are
    assigned before the commit. It never compares the whole log with the sealed part either: its cost depends on new
    events only.
    """

    event = models.BigIntegerField(primary_key=True)

    class Meta:
        default_permissions = ()


class TreeLeaf(models.Model):
    """A leaf of the Merkle tree: the id of its event and the hash. Leaves are numbered from 0 without a gap."""

    leaf = models.BigIntegerField(primary_key=True)
    event = models.BigIntegerField(unique=True)
    leaf_hash = models.BinaryField()

    class Meta:
        default_permissions = ()


class Tombstone(models.Model):
    """A leaf whose event was removed at the end of its retention: its hash stays in the tree.

    Event `pruned` records the removal. The database lets an event be deleted only if its tombstone exists and no legal
    hold is on its change.
    """

    leaf = models.BigIntegerField(primary_key=True)
    event = models.BigIntegerField(unique=True)
    pruned = models.BigIntegerField()

    class Meta:
        default_permissions = ()


class LegalHold(models.Model):
    """A legal hold on a change: its events are not removed, however old they are, until the hold is lifted."""

    change = models.BigIntegerField(primary_key=True)
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()


class Subtree(models.Model):
    """The hash of a complete subtree, stored for every eighth level only.

    One row covers 256 leaves, like the tiles of tlog-tiles: a proof reads at most 256 hashes for each eighth level, and
    sealing adds almost nothing. Storing every node would double the size of a log of ten million events.
    """

    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    root = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="subtree_place")]


class Routine(models.Model):
    """The last run of a periodic job of the sealer, and its result. Only the sealer's role may write it.

    Events contain the same, but a role that may add events could add one that prevents the next run for ever.
    """

    name = models.CharField(max_length=16, primary_key=True)
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    event = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()


class Checkpoint(models.Model):
    """The signed root over the first `size` leaves; `note` is the text that leaves the host. One for each size."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    key_id = models.CharField(max_length=8)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        ordering = ["-size"]
        get_latest_by = "size"


class AccessSubject(models.Model):
    """A user or group of Segura that an event names in the access lists of a secret.

    It only tells the access report which secrets to read: the facts are in the events. `manage.py
    rebuild_access_index` makes the table again from the log.
    """

    class Kind(models.TextChoices):
        USER = "user"
        GROUP = "group"

    LONGEST = 200

    kind = models.CharField(max_length=5, choices=Kind)
    name = models.CharField(max_length=LONGEST)
    full_name = models.CharField(max_length=LONGEST, blank=True)
    folded = models.CharField(max_length=2 * LONGEST)
    folded_full_name = models.CharField(max_length=2 * LONGEST, blank=True)
    secret = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "full_name", "secret"], name="access_subject_once")
        ]
        indexes = [models.Index(fields=["kind", "folded", "secret", "id"], name="access_subject_folded")]

    def __str__(self) -> str:
        return self.name
