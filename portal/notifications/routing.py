"""Types of notifications and their recipients. docs/notifications.md, preferences and mails are built from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.roles import Right

Text = str | Promise


class MailTiming(models.TextChoices):
    """Time at which a notification is mailed."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("In the daily mail")
    NEVER = "never", _("Never")


class Audience(StrEnum):
    """Recipients of a type, never the acting user. Editors of a change, the requester too, do not decide on it."""

    DECIDERS = "deciders"
    VOTERS = "voters"
    VOIDED = "voided"
    REQUESTER = "requester"
    MENTIONED = "mentioned"
    INVOLVED = "involved"
    OPERATORS = "operators"
    ADMINISTRATORS = "administrators"
    PROPOSER = "proposer"
    DELAYED = "delayed"


RIGHTS: dict[Audience, frozenset[Right]] = {
    Audience.DECIDERS: frozenset({Right.DECIDE}),
    Audience.VOTERS: frozenset({Right.DECIDE}),
    Audience.VOIDED: frozenset({Right.DECIDE}),
    Audience.REQUESTER: frozenset({Right.PROPOSE}),
    Audience.MENTIONED: frozenset(Right),
    Audience.INVOLVED: frozenset(Right),
    Audience.OPERATORS: frozenset({Right.OPERATE}),
    Audience.ADMINISTRATORS: frozenset({Right.OPERATE}),
    Audience.PROPOSER: frozenset({Right.OPERATE}),
    Audience.DELAYED: frozenset({Right.PROPOSE}),
}
"""Rights by audience: a recipient must have one, and access to the change, at dispatch and when a mail is sent."""


@dataclass(frozen=True)
class NotificationType:
    """Type of a notification. `said` takes number, secret and by, of a proposal number, person and by, and no more."""

    audience: Audience
    title: Text
    said: Text
    icon: str
    mail: MailTiming = MailTiming.AT_ONCE


_D, _V, _R, _O = Audience.DECIDERS, Audience.VOTERS, Audience.REQUESTER, Audience.OPERATORS
NOTIFICATION_TYPES: dict[str, NotificationType] = {
    "waiting": NotificationType(
        _D,
        _("A change waits for your decision"),
        _("%(by)s asks you to review %(number)s (%(secret)s)."),
        "clipboard-check",
    ),
    "voided": NotificationType(
        Audience.VOIDED,
        _("A change was revised after your vote"),
        _("%(by)s revised %(number)s for the secret %(secret)s. Your vote no longer counts; review it again."),
        "refresh-alert",
    ),
    "again": NotificationType(
        _D,
        _("A change needs approval again"),
        _("The approvals of %(number)s for the secret %(secret)s are no longer enough: it needs another one."),
        "clipboard-check",
    ),
    "withdrawn": NotificationType(
        _V,
        _("A change was withdrawn after your vote"),
        _("%(by)s withdrew %(number)s for the secret %(secret)s. There is nothing left to decide."),
        "arrow-back-up",
        MailTiming.NEVER,
    ),
    "overruled": NotificationType(
        _V,
        _("A change was rejected after your vote"),
        _("%(by)s rejected %(number)s for the secret %(secret)s, on which you had voted."),
        "ban",
        MailTiming.NEVER,
    ),
    "voted": NotificationType(
        _R,
        _("Your change got an approval, and needs more"),
        _("%(by)s approved %(number)s for the secret %(secret)s. It needs another approval."),
        "check",
        MailTiming.NEVER,
    ),
    "approved": NotificationType(
        _R,
        _("Your change was approved"),
        _("%(by)s gave %(number)s for the secret %(secret)s the approval it still needed. Waiting to be sent."),
        "check",
        MailTiming.NEVER,
    ),
    "returned": NotificationType(
        _R,
        _("Your change needs approval again"),
        _("The approvals of %(number)s for the secret %(secret)s are no longer enough: it waits. Nothing was sent."),
        "refresh-alert",
    ),
    "asked": NotificationType(
        _R,
        _("Changes requested on your change"),
        _("%(by)s requested changes to %(number)s for the secret %(secret)s. See what to change, then revise it."),
        "edit",
    ),
    "rejected": NotificationType(
        _R,
        _("Your change was rejected"),
        _("%(by)s rejected %(number)s for the secret %(secret)s. The reason is on its page."),
        "ban",
    ),
    "expired": NotificationType(
        _R,
        _("Your change expired"),
        _("%(number)s for the secret %(secret)s expired: its time ran out. It is not sent any more."),
        "hourglass-empty",
    ),
    "stale": NotificationType(
        _R,
        _("Your change is out of date"),
        _("%(number)s for the secret %(secret)s is out of date and was not sent. Its page says why."),
        "refresh-alert",
    ),
    "applied": NotificationType(
        _R,
        _("Your change was applied"),
        _("%(number)s for the secret %(secret)s was applied. What exactly was seen is on its page."),
        "circle-check",
    ),
    "failed": NotificationType(
        _R,
        _("Your change failed"),
        _("%(number)s for the secret %(secret)s failed. Why, and what can be done, is on its page."),
        "alert-octagon",
    ),
    "doubted": NotificationType(
        _R,
        _("Outcome of your change unknown"),
        _("It is not yet known whether Segura applied %(number)s (%(secret)s). Countersign is checking."),
        "help-hexagon",
        MailTiming.NEVER,
    ),
    "stuck": NotificationType(
        _R,
        _("Your change needs an administrator"),
        _("Countersign cannot determine the outcome of %(number)s (%(secret)s). An administrator will check it."),
        "user-exclamation",
    ),
    "closed": NotificationType(
        _R,
        _("Your change was resolved manually"),
        _("%(by)s looked in Segura and closed %(number)s for the secret %(secret)s. What they found is on its page."),
        "user-exclamation",
    ),
    "retried": NotificationType(
        _R,
        _("Your failed change is sent again"),
        _("%(by)s had %(number)s for the secret %(secret)s sent again."),
        "refresh",
        MailTiming.NEVER,
    ),
    "mentioned": NotificationType(
        Audience.MENTIONED,
        _("You were mentioned"),
        _("%(by)s mentioned you in a comment on %(number)s for the secret %(secret)s."),
        "user",
    ),
    "commented": NotificationType(
        Audience.INVOLVED,
        _("A comment on a change you take part in"),
        _("%(by)s commented on %(number)s for the secret %(secret)s."),
        "send",
        MailTiming.DAILY,
    ),
    "escalated": NotificationType(
        _O,
        _("A change needs an administrator"),
        _("%(number)s needs an administrator. Check %(secret)s in Segura, then check again or resolve the change."),
        "user-exclamation",
    ),
    "paused": NotificationType(
        _O,
        _("Delivery is paused"),
        _("Delivery of all changes is paused: calls do not get through to Segura."),
        "alert-triangle",
    ),
    "resumed": NotificationType(
        _O,
        _("Delivery goes on"),
        _("Calls get through to Segura again, and delivery goes on."),
        "circle-check",
        MailTiming.NEVER,
    ),
    "held": NotificationType(
        _O,
        _("An administrator paused delivery"),
        _("%(by)s paused delivery of all changes. Why is on the page of the delivery."),
        "hourglass-empty",
    ),
    "released": NotificationType(
        _O,
        _("An administrator resumed delivery"),
        _("%(by)s resumed delivery, and what waited goes out."),
        "circle-check",
        MailTiming.NEVER,
    ),
    "delayed": NotificationType(
        Audience.DELAYED,
        _("Delivery of your changes waits"),
        _("%(by)s paused delivery of all changes. Yours that are approved are sent once it goes on."),
        "hourglass-empty",
    ),
    "going_on": NotificationType(
        Audience.DELAYED,
        _("Delivery of your changes goes on"),
        _("%(by)s resumed delivery. Yours that are approved are sent in their turn."),
        "circle-check",
        MailTiming.NEVER,
    ),
    "proposed": NotificationType(
        Audience.ADMINISTRATORS,
        _("A proposal about a person waits for your decision"),
        _("%(number)s about %(person)s waits for the decision of an administrator who did not propose it."),
        "user",
    ),
    "agreed": NotificationType(
        Audience.PROPOSER,
        _("Your proposal was approved"),
        _("%(by)s approved %(number)s about %(person)s. It applies."),
        "check",
    ),
    "declined": NotificationType(
        Audience.PROPOSER,
        _("Your proposal was rejected"),
        _("%(by)s rejected %(number)s about %(person)s. The reason is on its page."),
        "ban",
    ),
    "outdated": NotificationType(
        Audience.PROPOSER,
        _("Your proposal is out of date"),
        _("%(number)s about %(person)s is out of date, because rights have changed since. Nothing was done."),
        "refresh-alert",
    ),
    "emergency": NotificationType(
        _O,
        _("The emergency account was used"),
        _("%(by)s signed in with the emergency account and its password. Find out why, and who it was."),
        "alert-triangle",
    ),
    "key_enrolled": NotificationType(
        _O,
        _("A vote key needs confirmation"),
        _("%(by)s enrolled a vote key. Compare its fingerprint with them, then confirm it under Vote keys."),
        "key",
    ),
}
"""Types by the name that rows store. `mail` is the timing until a user chooses another one."""


def types_for_rights(rights: frozenset[Right]) -> dict[str, NotificationType]:
    """Return the types that users with these rights can be notified of."""
    return {name: kind for name, kind in NOTIFICATION_TYPES.items() if RIGHTS[kind.audience] & rights}
