"""Whether a row has others, as a condition of a long list."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Q, QuerySet, Subquery


class _Has(Subquery):
    template = "CASE WHEN (%(subquery)s) IS NOT NULL THEN true ELSE false END"
    output_field = BooleanField()


def has(rows: QuerySet[Any]) -> Q:
    """Whether there is such a row, asked row by row, by an index.

    EXISTS says the same, but PostgreSQL may make of it a join with all rows there are, or a table of them. And CASE
    keeps it from taking the condition for one that hardly any row meets, and leaving the order of the list for that.
    """
    return Q(_Has(rows.order_by().values("pk")[:1]))
