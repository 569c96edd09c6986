"""SQL expressions for long lists."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, F, Func, IntegerField, Q, QuerySet, Subquery


class _Has(Subquery):
    template = "CASE WHEN (%(subquery)s) IS NOT NULL THEN true ELSE false END"
    output_field = BooleanField()


def exists_by_index(rows: QuerySet[Any], *, order: str = "") -> Q:
    """Return the condition that `rows` (correlated by OuterRef) has a row, looked up by index for each row of the list.

    `order`: a column of that index. Pass it if the table may lack statistics: PostgreSQL then expects many matching
    rows, scans the table to find the first one at once, and reads the whole table if there is none.

    EXISTS means the same, but PostgreSQL may plan it as a join with all rows, or as a hash table of them. CASE hides
    the selectivity: PostgreSQL might expect hardly any row to match, and not use the index that sorts the list.
    """
    return Q(_Has(rows.order_by(*filter(None, [order])).values("pk")[:1]))


class _IdIn(Subquery):
    template = "ANY(ARRAY(%(subquery)s))"


def is_among(rows: QuerySet[Any]) -> Q:
    """Return the condition that the primary key is one of the column that `rows` selects, which are up to thousands.

    IN means the same, but as one of several alternatives PostgreSQL checks it for each row of the whole table. It
    expects an array to be short, and therefore looks its elements up by index.
    """
    return Q(Func(F("pk"), _IdIn(rows), template="%(expressions)s", arg_joiner=" = ", output_field=BooleanField()))


class CountSubquery(Subquery):
    """Number of rows of a query, as a column of another query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()
