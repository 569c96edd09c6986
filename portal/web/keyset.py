"""Keyset pagination: each page of a list costs the same, however far down. No COUNT, no OFFSET.

In a view, with the cursor from the address:

    cursor = request.GET.get("at", "")
    page = keyset.paginate_by_keyset(ApiSecret.objects.present(), order=("name", "identifier"), cursor=cursor, size=25)

and in its template, where an empty cursor means that there is nothing on that side:

    {% if page.newer %}<a href="{% querystring at=page.newer %}">Newer</a>{% endif %}
    {% if page.older %}<a href="{% querystring at=page.older %}">Older</a>{% endif %}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.core import signing
from django.core.exceptions import BadRequest
from django.db.models import Field, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


class InvalidCursor(BadRequest):
    """The cursor was not made by paginate_by_keyset() for this list in this order. Django answers 400."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in the order of the list, with cursors to the following and the preceding rows ('' if there are none)."""

    rows: list[Row]
    older: str
    newer: str


def paginate_by_keyset(queryset: QuerySet[Row], *, order: tuple[str, ...], cursor: str, size: int) -> Page[Row]:
    """Return the page of `size` rows at the cursor; the first page for ''.

    `order` names columns of the model itself, each with a leading '-' to descend. No column may be null and the last
    must be unique, which makes every position unambiguous; an index over them makes it quick.
    The cursor `older` continues in that order and `newer` goes back, whatever the columns mean. A step back that
    reaches the start returns the whole first page, so that newly arrived rows never make a page of two or three.
    Raises InvalidCursor for a cursor of another list or order, or one that the portal did not sign.
    """
    columns = _columns(queryset.model, order)
    salt = f"keyset {queryset.model._meta.label} {order}"  # noqa: SLF001 - Django's documented interface
    back, position = _read(cursor, salt, columns) if cursor else (False, [])
    found = queryset.filter(_beyond(columns, position, back=back)) if position else queryset
    rows = list(found.order_by(*_order_by(columns, back=back))[: size + 1])
    more = len(rows) > size
    if position and (not rows or (back and not more)):
        return paginate_by_keyset(queryset, order=order, cursor="", size=size)
    rows = rows[:size]
    if back:
        rows.reverse()
    return Page(
        rows,
        older=_write(rows[-1], salt, columns, back=False) if back or more else "",
        newer=_write(rows[0], salt, columns, back=True) if position else "",
    )


@dataclass(frozen=True)
class _Column:
    field: Field[object, object]
    descending: bool


def _columns(model: type[Model], order: tuple[str, ...]) -> list[_Column]:
    columns = [_Column(model._meta.get_field(name.lstrip("-")), name.startswith("-")) for name in order]  # type: ignore[arg-type]  # noqa: SLF001
    if not columns[-1].field.unique or any(column.field.null for column in columns):
        raise ValueError(f"{order}: no column may be null and the last must be unique")
    return columns


def _order_by(columns: list[_Column], *, back: bool) -> list[str]:
    return [("-" if column.descending != back else "") + column.field.name for column in columns]


def _beyond(columns: list[_Column], position: list[object], *, back: bool) -> Q:
    """Return the rows beyond the position: (a, b) > (x, y) as a >= x AND (a > x OR b > y), so that an index is used."""
    first, rest = columns[0], columns[1:]
    comparison = "lt" if first.descending != back else "gt"
    beyond = Q((f"{first.field.name}__{comparison}", position[0]))
    if not rest:
        return beyond
    return Q((f"{first.field.name}__{comparison}e", position[0])) & (beyond | _beyond(rest, position[1:], back=back))


def _write(row: Model, salt: str, columns: list[_Column], *, back: bool) -> str:
    return signing.dumps([back, *(column.field.value_to_string(row) for column in columns)], salt=salt, compress=True)


def _read(cursor: str, salt: str, columns: list[_Column]) -> tuple[bool, list[object]]:
    """Decode a cursor. It is signed, so that only values that came from these columns go back into a query."""
    try:
        back, *texts = signing.loads(cursor, salt=salt)
    except (signing.BadSignature, ValueError):
        raise InvalidCursor("This link into the list is damaged or outdated. Open the list anew.") from None
    return back, [column.field.to_python(text) for column, text in zip(columns, texts, strict=True)]
