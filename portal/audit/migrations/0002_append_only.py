"""The database itself refuses to change or delete an event.

PostgreSQL: ENABLE ALWAYS, because `session_replication_role = replica` walks past an ordinary trigger. There is no
TRUNCATE trigger, since it would break the flush of Django's transactional tests: in production the tables belong to
the role that migrates, and the role of the application gets SELECT and INSERT on them, not UPDATE, DELETE, TRUNCATE.

SQLite: the insert guard is there because INSERT OR REPLACE deletes the row in its way without firing a delete
trigger. A later migration that alters the table remakes it and loses its triggers: let it call `protect` again.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

PROTECT = {
    "postgresql": [
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
    ],
    "sqlite": [
        """
        CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: UPDATE refused'); END
        """,
        """
        CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: DELETE refused'); END
        """,
        """
        CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event
        WHEN EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id)
          OR EXISTS (SELECT 1 FROM audit_event WHERE change = NEW.change AND seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: REPLACE refused'); END
        """,
    ],
}
UNPROTECT = {
    "postgresql": [
        "DROP TRIGGER audit_event_append_only ON audit_event",
        "DROP FUNCTION audit_event_refuse()",
    ],
    "sqlite": [
        "DROP TRIGGER audit_event_no_update",
        "DROP TRIGGER audit_event_no_delete",
        "DROP TRIGGER audit_event_no_replace",
    ],
}


def protect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in PROTECT[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def unprotect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNPROTECT[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(protect, unprotect)]
