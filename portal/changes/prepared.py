"""Statements that every delivery makes, put into SQL once: saying the same anew each time costs more than the answer.

They are said in the ORM's words, with `Given` where a value comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.db import connection, models, transaction
from django.db.models.expressions import Exists, Expression
from django.db.models.sql import UpdateQuery

Row = TypeVar("Row", bound=models.Model)


class Given(Expression):
    """The value given under this name when the statement is made. `field`: where the ORM has to know its kind."""

    def __init__(self, name: str, field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(field)
        self.name, self._kind = name, field

    def as_sql(self, _compiler: Any, _connection: Any) -> Any:
        """Its place, and itself in it."""
        return "%s", [self]

    def of(self, given: dict[str, Any]) -> Any:
        """What the database is told."""
        value = given[self.name]
        if self._kind is not None:
            return self._kind.get_db_prep_value(value, connection)
        return connection.ops.adapt_unknown_value(value)


class Prepared(Generic[Row]):
    """A question; with `columns` an order to set these, which answers with each row's `answer` as it is then.

    `asking` adds to the answer, by name. `words` is called once, when it is first asked, and for each kind of database.
    """

    def __init__(
        self,
        words: Callable[[], models.QuerySet[Row, Any]],
        columns: Mapping[str, Any] | None = None,
        *,
        answer: Sequence[str] = ("*",),
        asking: Mapping[str, Exists] | None = None,
    ) -> None:
        self._words, self._columns, self._answer, self._asking = words, columns, answer, asking or {}
        self._said: dict[str, tuple[str, tuple[Any, ...], models.QuerySet[Row]]] = {}

    def rows(self, **given: Any) -> list[tuple[Any, ...]]:
        """What was asked for, as the database says it."""
        text, values, _ = self._with(given)
        with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
            cursor.execute(text, values)
            return list(cursor.fetchall())

    def one(self, **given: Any) -> Row | None:
        """The one row there is."""
        text, values, any_rows = self._with(given)
        with transaction.mark_for_rollback_on_error():
            return next(iter(any_rows.raw(text, values)), None)

    def _with(self, given: dict[str, Any]) -> tuple[str, list[Any], models.QuerySet[Row]]:
        if connection.vendor not in self._said:
            self._said[connection.vendor] = self._put()
        text, values, any_rows = self._said[connection.vendor]
        return text, [each.of(given) if isinstance(each, Given) else each for each in values], any_rows

    def _put(self) -> tuple[str, tuple[Any, ...], models.QuerySet[Row]]:
        words = self._words()
        any_rows: models.QuerySet[Row] = models.QuerySet(words.model)
        if self._columns is None:
            return (*words.query.sql_with_params(), any_rows)
        order: Any = words.query.chain(UpdateQuery)
        order.add_update_values(self._columns)
        order.clear_select_clause()
        compiler = order.get_compiler(connection=connection)
        text, values = compiler.as_sql()
        answer = list(self._answer)
        for name, expression in self._asking.items():
            asked, more = compiler.compile(expression.resolve_expression(order))
            answer.append(f"{asked} AS {name}")
            values = (*values, *more)
        return f"{text} RETURNING {', '.join(answer)}", tuple(values), any_rows
