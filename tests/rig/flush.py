"""Empties SQLite between transactional tests although the product's triggers refuse every DELETE.

PostgreSQL needs none of this: Django empties it by TRUNCATE, which row triggers do not see.
"""

from __future__ import annotations

import pytest
from django.db.backends.sqlite3.base import DatabaseOperations  # operations alone is half of an import circle


def flush_past_triggers(patch: pytest.MonkeyPatch) -> None:
    """Around Django's own flush, in its transaction: triggers out, and the very same ones in again."""
    flush = DatabaseOperations.execute_sql_flush

    def execute_sql_flush(self: DatabaseOperations, sql_list: list[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        drop = [f"DROP TRIGGER {self.quote_name(name)}" for name, _ in triggers]
        flush(self, [*drop, *sql_list, *(sql for _, sql in triggers)])

    patch.setattr(DatabaseOperations, "execute_sql_flush", execute_sql_flush)
