"""Whether a row has others, as a condition of a long list."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Q, QuerySet, Subquery


class _Has(Subquery):
    template = "CASE WHEN (%(subquery)s) IS NOT NULL THEN true ELSE false END"
    output_field = BooleanField()


def exists_by_index(rows: QuerySet[Any], *, order: str = "") -> Q:
    """Whether there is such a row, asked row by row, by an index.

    `order`: a column of that index, if without statistics many rows might seem to meet the condition; PostgreSQL then
    takes the first row of the table that does for found at once, and reads the table if there is none.

    EXISTS says the same, but PostgreSQL may make of it a join with all rows there are, or a table of them. And CASE
    keeps it from taking the condition for one that hardly any row meets, and leaving the order of the list for that.
    """
    return Q(_Has(rows.order_by(*filter(None, [order])).values("pk")[:1]))
