"""Position of a change in the order of the queue: the change to open after one that is left or gone."""

from __future__ import annotations

from portal.changes.models import Change
from portal.changes.presenters.change_rows import ChangeRow


def row_or_next(wanted: int, rows: list[ChangeRow], order: tuple[str, ...]) -> ChangeRow | None:
    """Return the row of this change; if it is not listed, the row after its place in the order; else the first row.

    `order` is as keyset.paginate_by_keyset takes it, of columns that are numbers.
    """
    asked = next((row for row in rows if row.change.pk == wanted), None)
    gone = Change.objects.filter(pk=wanted).first() if wanted and not asked else None
    later = [row for row in rows if gone and _rank(row.change, order) > _rank(gone, order)]
    return asked or next(iter(later or rows), None)


def first_after(
    change: Change, others: list[Change], order: tuple[str, ...], *, backwards: bool = False
) -> Change | None:
    """Return the first of the others beyond this one in their order (or `backwards`), else the first, or None."""
    here = _rank(change, order)
    beyond = [other for other in others if (_rank(other, order) < here if backwards else _rank(other, order) > here)]
    return next(iter(beyond or others), None)


def _rank(change: Change, order: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(-getattr(change, name[1:]) if name[0] == "-" else getattr(change, name) for name in order)
