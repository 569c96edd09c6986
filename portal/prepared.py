"""Questions put together once: Django takes several times as long to build and compile one as PostgreSQL to answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from inspect import signature
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler


class Prepared:
    """What every page asks: a values_list() that differs from one time to the next in numbers alone, such as keys.

    `build` makes it of stand-ins, once. They are the keys of no row, and take any place in it where a number may stand.

        _NAMES = Prepared(lambda person: Group.objects.filter(user=person).values_list("name"))
        rows = _NAMES.ask(person.pk)
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build

    def ask(self, *numbers: int) -> list[Any]:
        """The rows for these, as tuples."""
        compiler, sql, values = self._made
        stand_ins = _stand_ins(len(numbers))
        with connection.cursor() as cursor:
            cursor.execute(sql, [numbers[~value] if value in stand_ins else value for value in values])
            return list(compiler.results_iter([cursor.fetchall()], tuple_expected=True))

    @cached_property
    def _made(self) -> tuple[SQLCompiler, str, tuple[Any, ...]]:
        made = self._build(*reversed(_stand_ins(len(signature(self._build).parameters))))
        compiler = made.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        return compiler, sql, tuple(values)


def _stand_ins(count: int) -> range:
    return range(-count, 0)
