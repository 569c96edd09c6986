"""Statements put into SQL once: Django takes several times as long to build and compile one as PostgreSQL to answer.

They are said in the ORM's words, with `Given` where a value comes later, and asked anew each time: nothing is stale.
The database knows nothing of it, and plans each anew. This leans on Django's compiler (`get_compiler`, `UpdateQuery`,
`results_iter`), which no release notes speak of: tests/test_prepared.py tells when a new Django goes another way.

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
    """The value given under this name when the statement is made. `field`: where the ORM has to know its kind."""

    def __init__(self, name: str, field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(field)
        self.name, self._kind = name, field

    def as_sql(self, _compiler: Any, _connection: Any) -> Any:
        """Its place, and itself in it."""
        return "%s", [self]

    def of(self, given: Mapping[str, Any]) -> Any:
        """What the database is told."""
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
        if self.locks and not connection.in_atomic_block:  # Django says so when it compiles, which is once
            raise transaction.TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        return [each.of(given) if isinstance(each, Given) else each for each in self.values]


class Prepared(Generic[Row]):
    """A question; with `columns` an order to set these, which answers with each row's `answer` as it is then.

    `asking` adds to the answer of an order, by name. `words` is called once.
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
        """Tuples: of a question as its values_list() gives them, of an order as the database does."""
        said, _ = self._put()
        with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
            cursor.execute(said.text, said.with_(given))
            found = cursor.fetchall()
        return list(found if said.compiler is None else said.compiler.results_iter([found], tuple_expected=True))

    def one(self, **given: Any) -> Row | None:
        """The one row there is, as its model."""
        said, any_rows = self._put()
        with transaction.mark_for_rollback_on_error():
            return next(iter(any_rows.raw(said.text, said.with_(given))), None)

    def all(self, **given: Any) -> list[Row]:
        """Every row there is, as models."""
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
