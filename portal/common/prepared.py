"""Statements that Django compiles to SQL once: building and compiling takes it several times as long as the query.

A statement is written as a QuerySet, with `Given` in place of later values, and is executed on each call, so no result
is cached. PostgreSQL does not prepare it. This uses parts of Django's compiler (`get_compiler`, `UpdateQuery`,
`results_iter`) that release notes do not cover: tests/test_prepared.py fails if a new Django changes them.

    _NAMES = Prepared(lambda: Group.objects.filter(user=Given("person")).values_list("name"))
    rows = _NAMES.rows(person=7)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models, transaction
from django.db.models.expressions import Exists, Expression
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row", bound=models.Model)


class Given(Expression):
    """Placeholder for a value passed by name at execution. `field`: set it if the ORM needs to know the type."""

    def __init__(self, name: str, field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(field)
        self.name, self._kind = name, field

    def as_sql(self, _compiler: Any, _connection: Any) -> Any:
        """Return the SQL placeholder with this object as its parameter."""
        return "%s", [self]

    def of(self, given: Mapping[str, Any]) -> Any:
        """Return the value in the form that the database driver expects."""
        value = given[self.name]
        if self._kind is not None:
            return self._kind.get_db_prep_value(value, connection)
        return connection.ops.adapt_unknown_value(value)


@dataclass(frozen=True)
class _Said:
    text: str
    values: tuple[Any, ...]
    compiler: SQLCompiler | None = None
    locks: bool = False

    def with_(self, given: Mapping[str, Any]) -> list[Any]:
        if self.locks and not connection.in_atomic_block:  # Django checks this only when it compiles
            raise transaction.TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        return [each.of(given) if isinstance(each, Given) else each for each in self.values]


class Prepared(Generic[Row]):
    """A compiled SELECT or, with `columns`, an UPDATE of these that returns the columns `answer` of each updated row.

    `asking` adds named EXISTS expressions to the columns of an UPDATE. `words` builds the QuerySet; it is called once.
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
        self._said: tuple[_Said, models.QuerySet[Row]] | None = None

    def rows(self, **given: Any) -> list[tuple[Any, ...]]:
        """Return tuples: for a SELECT as values_list() returns them, for an UPDATE as the database returns them."""
        said, _ = self._put()
        with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
            cursor.execute(said.text, said.with_(given))
            found = cursor.fetchall()
        return list(found if said.compiler is None else said.compiler.results_iter([found], tuple_expected=True))

    def one(self, **given: Any) -> Row | None:
        """Return the first row as a model instance, or None."""
        said, any_rows = self._put()
        with transaction.mark_for_rollback_on_error():
            return next(iter(any_rows.raw(said.text, said.with_(given))), None)

    def all(self, **given: Any) -> list[Row]:
        """Return all rows as model instances."""
        said, any_rows = self._put()
        with transaction.mark_for_rollback_on_error():
            return list(any_rows.raw(said.text, said.with_(given)))

    def _put(self) -> tuple[_Said, models.QuerySet[Row]]:
        if self._said is None:
            words = self._words()
            said = self._question(words) if self._columns is None else self._order(words)
            self._said = said, models.QuerySet(words.model)
        return self._said

    @staticmethod
    def _question(words: models.QuerySet[Row, Any]) -> _Said:
        compiler = words.query.get_compiler(connection=connection)
        text, values = compiler.as_sql()
        locks = words.query.select_for_update and connection.features.has_select_for_update
        return _Said(text, tuple(values), compiler, locks)

    def _order(self, words: models.QuerySet[Row, Any]) -> _Said:
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
        return _Said(f"{text} RETURNING {', '.join(answer)}", tuple(values))
