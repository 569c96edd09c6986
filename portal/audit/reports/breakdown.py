"""Secrets and requesters with the most proposals in a period."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from portal.audit.models import Event
from portal.audit.period import Period

SECRET_COLUMNS = ("change.submitted", "change.applied", "change.failed", "change.in_doubt")
REQUESTER_COLUMNS = ("change.submitted", "change.revised", "change.withdrawn", "vote.refused")
"""The actions that are counted, in the order of _RANKED. Those of a requester are recorded as theirs."""
_SHOWN = 10
# SQL, because the ORM would need three queries for both rankings and the names, and a page has twelve.
_RANKED = """
    WITH counted AS (
        SELECT id, action, secret::text AS secret, actor FROM audit_event
        WHERE at >= %(since)s AND at < %(until)s AND action IN (
            'change.submitted', 'change.revised', 'change.withdrawn', 'change.applied', 'change.failed',
            'change.in_doubt', 'vote.refused'
        )
    ), secrets AS (
        SELECT secret AS key,
            max(id) FILTER (WHERE action = 'change.submitted') AS newest,
            count(*) FILTER (WHERE action = 'change.submitted') AS proposed,
            count(*) FILTER (WHERE action = 'change.applied') AS second,
            count(*) FILTER (WHERE action = 'change.failed') AS third,
            count(*) FILTER (WHERE action = 'change.in_doubt') AS fourth
        FROM counted WHERE secret IS NOT NULL GROUP BY secret ORDER BY proposed DESC, newest DESC LIMIT %(most)s
    ), requesters AS (
        SELECT actor AS key,
            max(id) FILTER (WHERE action = 'change.submitted') AS newest,
            count(*) FILTER (WHERE action = 'change.submitted') AS proposed,
            count(*) FILTER (WHERE action = 'change.revised') AS second,
            count(*) FILTER (WHERE action = 'change.withdrawn') AS third,
            count(*) FILTER (WHERE action = 'vote.refused') AS fourth
        FROM counted WHERE actor <> '' GROUP BY actor ORDER BY proposed DESC, newest DESC LIMIT %(most)s
    ), ranked AS (SELECT true AS is_secret, * FROM secrets UNION ALL SELECT false, * FROM requesters)
    SELECT is_secret, key, proposed, second, third, fourth, text
    FROM ranked JOIN audit_event ON audit_event.id = newest
    WHERE proposed > 0 ORDER BY is_secret, proposed DESC, newest DESC
"""


@dataclass(frozen=True)
class BreakdownRow:
    """The numbers of one secret or requester, in the order of the columns; `label` is what a page calls it."""

    key: str
    label: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Breakdown:
    """The ten secrets or requesters with the most proposals; `has_more` if there are others."""

    rows: list[BreakdownRow]
    has_more: bool


def load_breakdowns(period: Period) -> tuple[Breakdown, Breakdown]:
    """Return the secrets, each with the name in its newest proposal, and the requesters, with one query."""
    with connection.cursor() as cursor:
        cursor.execute(_RANKED, {"since": period.since, "until": period.until, "most": _SHOWN + 1})
        rows = cursor.fetchall()
    secrets = [
        BreakdownRow(key, _secret_name(text) or key, tuple(numbers))
        for is_secret, key, *numbers, text in rows
        if is_secret
    ]
    requesters = [BreakdownRow(key, key, tuple(numbers)) for is_secret, key, *numbers, _ in rows if not is_secret]
    return _first_ten(secrets), _first_ten(requesters)


def _first_ten(rows: list[BreakdownRow]) -> Breakdown:
    return Breakdown(rows[:_SHOWN], has_more=len(rows) > _SHOWN)


def _secret_name(text: str) -> str:
    entry = Event(text=text).entry
    return str(entry.data.get("secret_name") or "") if entry else ""
