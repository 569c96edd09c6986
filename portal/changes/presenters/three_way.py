"""Three-way view of a change that is out of date or needs an administrator: proposed against, proposed, found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.accounts.models import User
from portal.changes.delivery import stored_readings
from portal.changes.domain import three_way
from portal.changes.domain.difference import Piece, compare_values
from portal.changes.domain.three_way import ThreeWayValues
from portal.changes.models import Change, Revision
from portal.changes.rules import guards
from portal.common.invisible_characters import show_invisible
from portal.vault import SECRET_FIELD, SHARE_FIELDS

Cell = list[Piece]
"""One value, with what differs from the value of the first column marked."""


@dataclass(frozen=True)
class ThreeWayRow:
    """One field with its three values."""

    field: str
    base: Cell
    proposed: Cell
    now: Cell


@dataclass(frozen=True)
class ThreeWayView:
    """The fields of which any two values differ, and the time of the reading."""

    rows: list[ThreeWayRow]
    read_at: datetime


def load_three_way_view(change: Change, revision: Revision, *, reader: User) -> ThreeWayView | None:
    """Return the view, or None if no reading stopped the change.

    A user who proposed or edited the change does not see which client secret was found: they could test guesses.
    """
    reading = stored_readings.find_reading(change, revision)
    if reading is None:
        return None
    shows_secret = not guards.is_own_change(change, reader)
    rows = [
        _build_secret_row(values, shows_secret=shows_secret) if values.field == SECRET_FIELD else _build_row(values)
        for values in stored_readings.compare_stored_reading(revision, reading)
    ]
    return ThreeWayView(rows, reading.read_at)


def _build_row(values: ThreeWayValues) -> ThreeWayRow:
    base = [] if values.base is None else [_unmarked(values.field, values.base)]
    cells = (_mark_cell(values.field, values.base, value) for value in (values.proposed, values.now))
    return ThreeWayRow(values.field, base or [Piece(pgettext("value", "unknown"), False)], *cells)


def _build_secret_row(values: ThreeWayValues, *, shows_secret: bool) -> ThreeWayRow:
    found = (
        {
            three_way.AS_PROPOSED: _("same as proposed"),
            three_way.AS_BEFORE: _("same as before"),
            three_way.ANOTHER: _("another value"),
            three_way.UNSEEN: _("cannot be seen"),
        }[values.found]
        if shows_secret
        else _("not shown")
    )
    proposed = _("new value") if values.proposed else _("unchanged")
    differs = shows_secret and values.found in (three_way.AS_PROPOSED, three_way.ANOTHER)
    return ThreeWayRow(
        SECRET_FIELD, [Piece(_("not shown"), False)], [Piece(proposed, values.proposed)], [Piece(found, differs)]
    )


def _mark_cell(field: str, base: Any, value: Any) -> Cell:
    if value is None:
        return [Piece(pgettext("value", "unknown"), False)]
    if base is None or base == value or not (base and value):
        return [_unmarked(field, value, marked=base is not None and base != value)]
    return list(_mark_shares(base, value)) if field in SHARE_FIELDS else list(_mark_text(field, base, value))


def _mark_text(field: str, base: str, value: str) -> Iterator[Piece]:
    for place, block in enumerate(compare_values(field, base, value).blocks):
        if place:
            yield Piece("\n", False)
        yield from [Piece("…", False)] if block.folded else block.new


def _mark_shares(base: list[list[Any]], value: list[list[Any]]) -> Iterator[Piece]:
    """Yield the entries of a list, those marked that the base does not have, and the names that it alone has."""
    after = {name for name, _can_edit in value}
    for place, entry in enumerate(value):
        if place:
            yield Piece(", ", False)
        yield Piece(_share_text(entry), entry not in base)
    for name, _can_edit in base:
        if name not in after:
            yield Piece(", ", False)
            yield Piece(_("%(name)s has no access") % {"name": show_invisible(name)}, True)


def _unmarked(field: str, value: Any, *, marked: bool = False) -> Piece:
    if not value:
        return Piece(_("empty"), marked)
    text = ", ".join(map(_share_text, value)) if field in SHARE_FIELDS else show_invisible(value)
    return Piece(text, marked)


def _share_text(share: list[Any]) -> str:
    name, can_edit = share
    return (_("%(name)s can edit") if can_edit else _("%(name)s can view")) % {"name": show_invisible(name)}
