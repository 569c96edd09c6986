"""Rate limits of acts, counted in rows that only time removes. Times are database time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Now
from django.utils.translation import ngettext

from portal.accounts.models import CountedAct, User
from portal.accounts.user_lock import lock_user

Limit = tuple[int, timedelta]
"""Number of acts and the time window for them."""

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
ACTS: dict[str, tuple[Limit, ...]] = {
    "comment": ((10, _MINUTE), (100, _HOUR)),
    "withdraw": ((30, _HOUR),),
    "retry": ((10, _MINUTE), (60, _HOUR)),
    "recheck": ((10, _MINUTE), (60, _HOUR)),
    "pause": ((30, _HOUR),),
    "governance": ((10, _MINUTE), (60, _HOUR)),
    "draft": ((20, _MINUTE), (200, _HOUR)),
    "automatic draft": ((40, _MINUTE), (1000, _HOUR)),
    "template": ((60, _MINUTE), (300, _HOUR)),
    "filter": ((20, _MINUTE), (200, _HOUR)),
    "export": ((10, _MINUTE), (60, _HOUR)),
    "verification": ((10, _HOUR),),
    "connection test": ((10, _MINUTE), (60, _HOUR)),
    "refusal": ((120, _HOUR),),
    "synchronisation": ((10, _MINUTE), (60, _HOUR)),
}
"""Limits of acts that each cause emails, events, rows or calls to Segura. Normal work stays below them.

Proposals have their own limit, CHANGE_SUBMITS_PER_HOUR; a vote can be cast once for each revision.
"""

KEPT_FOR = timedelta(days=1)
"""Age at which rows are deleted; longer than the window of any limit."""
_LOCK_CLASS = 0x414C  # "AL": keeps these advisory locks apart from others


class LimitReached(Exception):
    """The act was not done. `wait` is the time until it is allowed; `str()` is the message for the user."""

    def __init__(self, most: int, window: timedelta, wait: timedelta) -> None:
        super().__init__(most, window, wait)
        self.most, self.window, self.wait = most, window, wait

    @property
    def minutes(self) -> int:
        """Whole minutes to wait, at least one."""
        return max(1, -(-self.wait // _MINUTE))

    def __str__(self) -> str:
        limit = ngettext(
            "The limit of %(most)d within %(window)d minute is reached.",
            "The limit of %(most)d within %(window)d minutes is reached.",
            self.window // _MINUTE,
        ) % {"most": self.most, "window": self.window // _MINUTE}
        advice = ngettext(
            "Nothing was done. Try again in %(minutes)d minute.",
            "Nothing was done. Try again in %(minutes)d minutes.",
            self.minutes,
        ) % {"minutes": self.minutes}
        return f"{limit} {advice}"


@transaction.atomic
def count_act(person: User, act: str) -> None:
    """Count one more act of a user, one of ACTS. Raises LimitReached.

    Inside a caller's transaction the lock on the user is kept until its end, so that the caller's own counts hold too.
    """
    subject = f"{act}:{person.pk}"
    lock_user(person)
    require_room(CountedAct.objects.filter(subject=subject), ACTS[act])
    CountedAct.objects.create(subject=subject)


def lock_subject(subject: str) -> None:
    """Lock the subject until the transaction ends, so that its acts are counted one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, subject])


def require_room(acts: QuerySet[CountedAct], limits: Iterable[Limit]) -> None:
    """Raise LimitReached if a limit is reached; with several, for the one with the longest wait."""
    age = ExpressionWrapper(Now() - F("at"), output_field=DurationField())
    ages = acts.order_by("-at").annotate(age=age).values_list("age", flat=True)
    waits = [(window - each, most, window) for most, window in limits for each in ages[most - 1 : most]]
    wait, most, window = max(waits, default=(timedelta(0), 0, timedelta(0)))
    if wait > timedelta(0):
        raise LimitReached(most, window, wait)


def delete_expired() -> int:
    """Delete rows that no limit counts any more; return how many."""
    return CountedAct.objects.filter(at__lt=Now() - KEPT_FOR).delete()[0]
