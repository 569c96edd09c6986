"""Who is told what of which event: the one table. docs/notices.md, the preferences and the mails are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.roles import Right

Text = str | Promise


class Mail(models.TextChoices):
    """When a notice leaves by mail."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("In the daily mail")
    NEVER = "never", _("Never")


class Audience(StrEnum):
    """Whom a notice is for. Nobody is told of what they did, nor asked to decide what they proposed or edited."""

    DECIDERS = "deciders"
    VOTERS = "voters"
    VOIDED = "voided"
    REQUESTER = "requester"
    MENTIONED = "mentioned"
    INVOLVED = "involved"
    OPERATORS = "operators"
    DELAYED = "delayed"


RIGHTS: dict[Audience, frozenset[Right]] = {
    Audience.DECIDERS: frozenset({Right.DECIDE}),
    Audience.VOTERS: frozenset({Right.DECIDE}),
    Audience.VOIDED: frozenset({Right.DECIDE}),
    Audience.REQUESTER: frozenset({Right.PROPOSE}),
    Audience.MENTIONED: frozenset(Right),
    Audience.INVOLVED: frozenset(Right),
    Audience.OPERATORS: frozenset({Right.OPERATE}),
    Audience.DELAYED: frozenset({Right.PROPOSE}),
}
"""One of these each of them has to hold, when they are told and again when a mail leaves; and may see the change."""


@dataclass(frozen=True)
class Kind:
    """What somebody can be told. `said` takes number, secret and by; nothing else of a change is ever in a notice."""

    audience: Audience
    title: Text
    said: Text
    icon: str
    mail: Mail = Mail.AT_ONCE


_D, _V, _R, _O = Audience.DECIDERS, Audience.VOTERS, Audience.REQUESTER, Audience.OPERATORS
KINDS: dict[str, Kind] = {
    "waiting": Kind(
        _D,
        _("A change waits for your decision"),
        _("%(by)s asks for a decision on %(number)s for the secret %(secret)s."),
        "clipboard-check",
    ),
    "voided": Kind(
        Audience.VOIDED,
        _("A change was revised after your vote"),
        _("%(by)s revised %(number)s for the secret %(secret)s. Your vote no longer counts: look at it again."),
        "refresh-alert",
    ),
    "again": Kind(
        _D,
        _("A change needs approval again"),
        _("The approvals of %(number)s for the secret %(secret)s are no longer enough: it needs another one."),
        "clipboard-check",
    ),
    "withdrawn": Kind(
        _V,
        _("A change was withdrawn after your vote"),
        _("%(by)s withdrew %(number)s for the secret %(secret)s. There is nothing left to decide."),
        "arrow-back-up",
        Mail.NEVER,
    ),
    "overruled": Kind(
        _V,
        _("A change was rejected after your vote"),
        _("%(by)s rejected %(number)s for the secret %(secret)s, on which you had voted."),
        "ban",
        Mail.NEVER,
    ),
    "voted": Kind(
        _R,
        _("Your change got an approval, and needs more"),
        _("%(by)s approved %(number)s for the secret %(secret)s. It needs another approval."),
        "check",
        Mail.NEVER,
    ),
    "approved": Kind(
        _R,
        _("Your change was approved"),
        _("%(by)s gave %(number)s for the secret %(secret)s the approval it still needed. It waits to be sent."),
        "check",
        Mail.NEVER,
    ),
    "returned": Kind(
        _R,
        _("Your change needs approval again"),
        _("The approvals of %(number)s for the secret %(secret)s are no longer enough: it waits. Nothing was sent."),
        "refresh-alert",
    ),
    "asked": Kind(
        _R,
        _("Your change needs a revision"),
        _("%(by)s asks for changes to %(number)s for the secret %(secret)s. What to change is on its page: revise it."),
        "edit",
    ),
    "rejected": Kind(
        _R,
        _("Your change was rejected"),
        _("%(by)s rejected %(number)s for the secret %(secret)s. The reason is on its page."),
        "ban",
    ),
    "expired": Kind(
        _R,
        _("Your change expired"),
        _("%(number)s for the secret %(secret)s expired: its time ran out. It is not sent any more."),
        "hourglass-empty",
    ),
    "stale": Kind(
        _R,
        _("Your change is out of date"),
        _("%(number)s for the secret %(secret)s is out of date and was not sent. Its page says why."),
        "refresh-alert",
    ),
    "applied": Kind(
        _R,
        _("Your change was applied"),
        _("%(number)s for the secret %(secret)s was applied. What exactly was seen is on its page."),
        "circle-check",
    ),
    "failed": Kind(
        _R,
        _("Your change failed"),
        _("%(number)s for the secret %(secret)s failed. Why, and what can be done, is on its page."),
        "alert-octagon",
    ),
    "doubted": Kind(
        _R,
        _("It is not known whether your change was applied"),
        _("It is not known yet whether Segura took %(number)s for the secret %(secret)s. The portal finds out."),
        "help-hexagon",
        Mail.NEVER,
    ),
    "stuck": Kind(
        _R,
        _("Your change needs a person"),
        _("The portal cannot settle %(number)s for the secret %(secret)s by itself. Somebody who operates it looks."),
        "user-exclamation",
    ),
    "closed": Kind(
        _R,
        _("Your change was closed by hand"),
        _("%(by)s looked in Segura and closed %(number)s for the secret %(secret)s. What they found is on its page."),
        "user-exclamation",
    ),
    "retried": Kind(
        _R,
        _("Your failed change is sent again"),
        _("%(by)s had %(number)s for the secret %(secret)s sent again."),
        "refresh",
        Mail.NEVER,
    ),
    "mentioned": Kind(
        Audience.MENTIONED,
        _("Somebody mentioned you"),
        _("%(by)s mentioned you in a comment on %(number)s for the secret %(secret)s."),
        "user",
    ),
    "commented": Kind(
        Audience.INVOLVED,
        _("A comment on a change you take part in"),
        _("%(by)s commented on %(number)s for the secret %(secret)s."),
        "send",
        Mail.DAILY,
    ),
    "escalated": Kind(
        _O,
        _("A change needs a person"),
        _("%(number)s needs a person. Look at the secret %(secret)s in Segura, then check again or close the change."),
        "user-exclamation",
    ),
    "paused": Kind(
        _O,
        _("Delivery is paused"),
        _("Delivery of all changes is paused: calls do not get through to Segura."),
        "alert-triangle",
    ),
    "resumed": Kind(
        _O,
        _("Delivery goes on"),
        _("Calls get through to Segura again, and delivery goes on."),
        "circle-check",
        Mail.NEVER,
    ),
    "held": Kind(
        _O,
        _("Somebody paused delivery"),
        _("%(by)s paused delivery of all changes. Why is on the page of the delivery."),
        "hourglass-empty",
    ),
    "released": Kind(
        _O,
        _("Somebody resumed delivery"),
        _("%(by)s resumed delivery, and what waited goes out."),
        "circle-check",
        Mail.NEVER,
    ),
    "delayed": Kind(
        Audience.DELAYED,
        _("Delivery of your changes waits"),
        _("%(by)s paused delivery of all changes. Yours that are approved are sent once it goes on."),
        "hourglass-empty",
    ),
    "going_on": Kind(
        Audience.DELAYED,
        _("Delivery of your changes goes on"),
        _("%(by)s resumed delivery. Yours that are approved are sent in their turn."),
        "circle-check",
        Mail.NEVER,
    ),
}
"""By the name that rows carry. `mail` is what holds until a person chooses something else."""


@dataclass(frozen=True)
class Facts:
    """What a rule may ask of an event: its data, and whether it ended in a decision of the same act."""

    data: dict[str, Any]
    decided: bool


@dataclass(frozen=True)
class Rule:
    """Of this event, tell that kind; `only` says in words when, where not always, and `applies` is that in code."""

    action: str
    kind: str
    only: str = ""
    applies: Callable[[Facts], bool] = lambda _facts: True


RULES = (
    Rule("change.submitted", "waiting"),
    Rule("change.revised", "voided"),
    Rule("change.revised", "waiting", "it was stale", lambda facts: facts.data.get("from") == "stale"),
    Rule("change.withdrawn", "withdrawn"),
    Rule(
        "vote.cast",
        "voted",
        "it approves and decides nothing yet",
        lambda facts: facts.data.get("verdict") == "approve" and not facts.decided,
    ),
    Rule("change.approved", "approved"),
    Rule("change.returned", "returned"),
    Rule("change.returned", "again", "it was approved", lambda facts: facts.data.get("from") == "approved"),
    Rule("change.changes_requested", "asked"),
    Rule("change.rejected", "rejected"),
    Rule("change.rejected", "overruled"),
    Rule("change.expired", "expired"),
    Rule("change.stale", "stale"),
    Rule("change.applied", "applied"),
    Rule("change.failed", "failed"),
    Rule("change.doubted", "doubted", "it was not in doubt before", lambda facts: facts.data.get("from") != "in_doubt"),
    Rule("change.escalated", "escalated"),
    Rule("change.escalated", "stuck"),
    Rule("change.closed", "closed"),
    Rule("change.retried", "retried"),
    Rule("change.commented", "mentioned", "it mentions them"),
    Rule("change.commented", "commented"),
    Rule("delivery.paused", "paused"),
    Rule("delivery.resumed", "resumed"),
    Rule("delivery.held", "held"),
    Rule("delivery.held", "delayed"),
    Rule("delivery.released", "released"),
    Rule("delivery.released", "going_on"),
)
"""In this order: whom several rules of an event would tell is told once, by the first."""


def of_rights(rights: frozenset[Right]) -> dict[str, Kind]:
    """The kinds that people with these rights can be told."""
    return {name: kind for name, kind in KINDS.items() if RIGHTS[kind.audience] & rights}
