"""PostgreSQL appends an event by a function, which it plans once a connection: see ledger.py.

Old code goes on with its own INSERT, which takes the same lock. Whoever may insert may append: the function runs with
the rights of who calls it, and the table's triggers see each of its rows.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

APPEND = """
    CREATE FUNCTION audit_event_append(
        action text, actor text, change bigint, secret bigint, code integer, head text, middle text, tail text
    ) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        number bigint;
        place integer;
        instant timestamptz;
    BEGIN
        IF $3 IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(16725, ($3 % 2147483648)::integer);
            place := (SELECT COALESCE(MAX(e.seq), 0) + 1 FROM audit_event e WHERE e.change = $3);
        END IF;
        instant := clock_timestamp();
        INSERT INTO audit_event (at, action, actor, change, seq, secret, code, text)
        VALUES (
            instant, $1, $2, $3, place, $4, $5,
            $6 || to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')
            || $7 || COALESCE(place::text, 'null') || $8
        )
        RETURNING id INTO number;
        RETURN number;
    END $$
"""


def add(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(APPEND, params=None)


def remove(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute("DROP FUNCTION audit_event_append", params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_lists_at_any_size")]
    operations = [migrations.RunPython(add, remove)]
