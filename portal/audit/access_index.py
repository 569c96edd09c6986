"""Index of the users and groups that events name in the access lists of a secret, for searches by person.

ledger.record_event() adds the names of a proposal in the transaction of its event. The log itself is not touched: the
index can be emptied and rebuilt from it at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction

from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.models import AccessSubject, Event
from portal.common.text_folding import fold_text

FIELDS = {"users_allowed": "user", "groups_allowed": "group"}
"""The lists of who may use a secret, and the kind of their entries."""
PROPOSED = ("change.submitted", "change.revised")
"""The actions whose events contain lists: as Segura showed them, and as they are proposed."""
_CHUNK = 2000


def parse_lists(value: object) -> dict[str, dict[str, bool]]:
    """Return the lists among the fields of a proposal or a reading: {field: {name: may edit}}."""
    if not isinstance(value, Mapping):
        return {}
    return {field: _parse_shares(value[field]) for field in FIELDS if isinstance(value.get(field), list | tuple)}


def add_subjects(secret: int, data: Mapping[str, Any]) -> None:
    """Add the users and groups that the data of a proposal names; do nothing for those that the index has."""
    rows = _unique(_subjects(secret, data))
    if rows:
        AccessSubject.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def rebuild_index() -> int:
    """Empty the index and make it again from all events of PROPOSED; return the number of its rows."""
    AccessSubject.objects.all().delete()
    rows: list[AccessSubject] = []
    proposals = Event.objects.filter(action__in=PROPOSED).exclude(secret=None)
    for text in proposals.values_list("text", flat=True).iterator(_CHUNK):
        try:
            entry = parse_entry(text)
        except UnreadableEntry:
            continue
        rows.extend(_subjects(entry.secret or 0, entry.data))
        if len(rows) >= _CHUNK:
            AccessSubject.objects.bulk_create(_unique(rows), ignore_conflicts=True)
            rows.clear()
    AccessSubject.objects.bulk_create(_unique(rows), ignore_conflicts=True)
    return AccessSubject.objects.count()


def _subjects(secret: int, data: Mapping[str, Any]) -> Iterator[AccessSubject]:
    full_names = data.get("full_names")
    for lists in (parse_lists(data.get("base")), parse_lists(data.get("patch"))):
        for field, rights in lists.items():
            called = full_names.get(field) if isinstance(full_names, Mapping) else None
            for name in rights:
                full_name = str(called.get(name) or "") if isinstance(called, Mapping) else ""
                yield _subject(FIELDS[field], name, full_name, secret)


def _subject(kind: str, name: str, full_name: str, secret: int) -> AccessSubject:
    longest = AccessSubject.LONGEST
    return AccessSubject(
        kind=kind,
        name=name[:longest],
        full_name=full_name[:longest],
        folded=fold_text(name)[:longest],
        folded_full_name=fold_text(full_name)[:longest],
        secret=secret,
    )


def _unique(rows: Iterator[AccessSubject] | list[AccessSubject]) -> list[AccessSubject]:
    return list({(row.kind, row.name, row.full_name, row.secret): row for row in rows}.values())


def _parse_shares(value: object) -> dict[str, bool]:
    """Return [[name, can_edit], ...] as a mapping by name; entries of another form are left out."""
    pairs = value if isinstance(value, list | tuple) else ()
    return {str(pair[0]): bool(pair[1]) for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2}
