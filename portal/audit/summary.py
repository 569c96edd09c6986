"""A change as its events tell it, for people: what was proposed, who decided, what Segura answered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from portal.audit import events as kinds
from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.audit.visible import visible


@dataclass(frozen=True)
class Edit:
    """One field of a proposal; `before` is None where it was not known."""

    field: str
    before: str | None
    after: str


@dataclass(frozen=True)
class Proposed:
    """One revision: the event that made it, and its edits."""

    entry: Entry
    edits: list[Edit]
    policy: str


@dataclass(frozen=True)
class Summary:
    """Events sorted by what they are about; `outcome` is the last thing that became of the change."""

    entries: list[tuple[Event, Entry | None]]
    revisions: list[Proposed]
    votes: list[Entry]
    calls: list[Entry]
    outcome: Entry | None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Summary:
        """From all events of one change, oldest first."""
        all_of_it = [(event, event.entry) for event in events]
        readable = [entry for _, entry in all_of_it if entry is not None]
        moves = [entry for entry in readable if entry.action.startswith("change.")]
        return cls(
            all_of_it,
            [_proposed(entry) for entry in readable if entry.action in ("change.submitted", "change.revised")],
            [entry for entry in readable if entry.action.startswith("vote.")],
            [entry for entry in readable if entry.action in kinds.ANSWERS],
            moves[-1] if moves else None,
        )


def _proposed(entry: Entry) -> Proposed:
    patch, base = _mapping(entry.data.get("patch")), entry.data.get("base")
    edits = []
    for field in entry.data.get("fields") or []:
        if field in patch:
            before = _said(base.get(field)) if isinstance(base, dict) else None
            edits.append(Edit(visible(str(field)), before, _said(patch[field])))
        else:  # the one field whose value is never written down
            edits.append(Edit(visible(str(field)), _("not shown"), _("new value set, not shown")))
    return Proposed(entry, edits, _said(entry.data.get("policy")))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _said(value: Any) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
