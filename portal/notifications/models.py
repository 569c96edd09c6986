"""Tables of notifications, preferences, digest times, and events that wait for dispatch."""

from __future__ import annotations

from django.db import models
from django.db.models import OuterRef, Q
from django.db.models.functions import Now

from portal.accounts.models import User
from portal.changes.models import Change, ChangeQuerySet
from portal.common.db_expressions import exists_by_index
from portal.governance.models import GovernanceProposal
from portal.notifications.routing import NOTIFICATION_TYPES, MailTiming, NotificationType


class PendingEvent(models.Model):
    """Event that waits for dispatch. A database trigger inserts the row with the event, in one transaction.

    Therefore the code that records an event does not wait for notifications or depend on them, and no event is lost
    before its dispatch.
    """

    event = models.BigIntegerField(primary_key=True)
    tries = models.IntegerField(db_default=0, help_text="How often it could not be told.")
    next_at = models.DateTimeField(db_default=Now(), db_index=True, help_text="When to try it next.")

    class Meta:
        default_permissions = ()


class NotificationQuerySet(models.QuerySet["Notification"]):
    def inbox(self, person: User) -> NotificationQuerySet:
        """Return the notifications shown to the user, without those of changes that the user may no longer see."""
        shown = self.filter(
            recipient=person.pk, shown=True, kind__in=NOTIFICATION_TYPES
        )  # a newer release may store other types
        own = Q(change=None) | Q(change__requester=person.pk)
        return shown if ChangeQuerySet.sees_all(person) else shown.filter(own)

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)

    def newest_per_change(self, only: Q | None = None) -> NotificationQuerySet:
        """Return the newest one of each change that is in the inbox and matches `only`; all that concern no change."""
        matching = Q(shown=True, kind__in=NOTIFICATION_TYPES) & (only or Q())
        newer = Notification.objects.filter(
            matching, recipient=OuterRef("recipient"), change=OuterRef("change"), pk__gt=OuterRef("pk")
        )
        return self.filter(matching, ~exists_by_index(newer, order="-pk"))


class Notification(models.Model):
    """Notification of one user about one event.

    It names the change, or the proposal about a person, and the acting user, but no typed or proposed text.
    """

    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=16)
    change = models.ForeignKey(Change, null=True, on_delete=models.CASCADE, related_name="notifications")
    proposal = models.ForeignKey(
        GovernanceProposal, null=True, on_delete=models.PROTECT, related_name="+", help_text="Proposal about a person."
    )
    event = models.BigIntegerField()
    by = models.CharField(max_length=310, blank=True, help_text="As they were called then; '' for the machine.")
    at = models.DateTimeField()
    count = models.IntegerField(db_default=1, help_text="Of how many events of a conversation this is the newest.")
    shown = models.BooleanField(help_text="In the inbox; else it is mailed only.")
    read_at = models.DateTimeField(null=True)
    daily = models.BooleanField(default=False, help_text="Waits for the daily mail.")
    mail_at = models.DateTimeField(null=True, help_text="When to mail it next; null where nothing is to be mailed.")
    mail_tries = models.IntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["event", "recipient"], name="notification_once_per_event")]
        indexes = [
            models.Index(fields=["recipient", "-id"], condition=Q(shown=True), name="notification_inbox"),
            models.Index(
                fields=["recipient", "-id"], condition=Q(shown=True, read_at=None), name="notification_unread"
            ),
            models.Index(fields=["recipient", "change", "-id"], condition=Q(shown=True), name="notification_of_change"),
            models.Index(fields=["mail_at"], condition=Q(mail_at__isnull=False), name="notification_mail_due"),
            models.Index(fields=["recipient"], condition=Q(daily=True), name="notification_daily"),
        ]

    @property
    def about(self) -> NotificationType:
        """Type of the notification."""
        return NOTIFICATION_TYPES[self.kind]


class Preference(models.Model):
    """Choice of a user for one notification type; without a row the type's default applies."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16)
    portal = models.BooleanField()
    mail = models.CharField(max_length=8, choices=MailTiming)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "kind"], name="preference_person_kind")]


class DigestSchedule(models.Model):
    """Time of a user's next daily digest."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    next_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
