"""Names of secrets, as submissions of changes recorded them."""

from __future__ import annotations

import json
from collections.abc import Collection

from django.db import connection

from portal.audit.models import Event

_SUBMITTED = "change.submitted"
_SEARCHED = 20_000
_FOUND = 20


def find_secrets_by_name(text: str) -> dict[int, str]:
    """Return at most 20 secrets, by id, with the text in a name that one of the newest 20,000 submissions recorded."""
    named: dict[int, str] = {}
    for event in Event.objects.filter(pk__in=_find_submissions(text)).order_by("-id"):
        name = str(event.entry.data.get("secret_name", "")) if event.entry else ""
        if event.entry and event.entry.secret is not None and text.lower() in name.lower():
            named.setdefault(event.entry.secret, name)
    return dict(list(named.items())[:_FOUND])


def load_secret_names(secrets: Collection[int]) -> dict[int, str]:
    """Return the newest recorded name of each of these secrets, with one query; a secret without one is left out."""
    if not secrets:
        return {}
    newest = Event.objects.filter(secret__in=secrets, action=_SUBMITTED).order_by("secret", "-id").distinct("secret")
    names = ((event.secret, event.entry.data.get("secret_name")) for event in newest if event.entry)
    return {secret: str(name) for secret, name in names if secret is not None and name}


def _find_submissions(text: str) -> list[int]:
    """Return ids of the newest submissions that may have the text in the secret's name, after its key.

    The ids are selected first, from the index alone, then the text of each: with a single filter PostgreSQL would
    choose to read the whole log. Only the short end of the text is compared, because converting it to capitals costs
    the most.
    """
    part = connection.ops.prep_for_like_query(json.dumps(text, ensure_ascii=False)[1:-1])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM (SELECT id FROM audit_event WHERE action = %s ORDER BY id DESC LIMIT %s) newest WHERE"
            " (SELECT UPPER(SPLIT_PART(e.text, '\"secret_name\":', 2)) FROM audit_event e WHERE e.id = newest.id)"
            " LIKE UPPER(%s) ESCAPE '\\' ORDER BY id DESC LIMIT %s",
            [_SUBMITTED, _SEARCHED, f"%{part}%", 10 * _FOUND],
        )
        return [number for (number,) in cursor]
