"""The database itself refuses to change or delete an event.

ENABLE ALWAYS, because `session_replication_role = replica` walks past an ordinary trigger. There is no TRUNCATE trigger,
since it would break the flush of Django's transactional tests: in production the tables belong to the role that
migrates, and the role of the application gets SELECT and INSERT on them, not UPDATE, DELETE, TRUNCATE.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

PROTECT = [
    """
    CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()
    """,
    "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only",
]
UNPROTECT = ["DROP TRIGGER audit_event_append_only ON audit_event", "DROP FUNCTION audit_event_refuse()"]


def protect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in PROTECT:
        schema_editor.execute(statement, params=None)


def unprotect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNPROTECT:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(protect, unprotect)]
