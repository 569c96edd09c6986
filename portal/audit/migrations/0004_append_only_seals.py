"""What proves the log is as append-only as the log, and the database itself queues each event for the sealer.

See 0002 for why ENABLE ALWAYS.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLES = ("audit_seal", "audit_subtree", "audit_checkpoint")
QUEUE = [
    """
    CREATE FUNCTION audit_event_queue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit_unsealed (event) VALUES (NEW.id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER audit_event_queue AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_queue()
    """,
    "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_queue",
]
UNQUEUE = ["DROP TRIGGER audit_event_queue ON audit_event", "DROP FUNCTION audit_event_queue()"]


def protecting(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only",
    ]


def protect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    statements = [statement for table in TABLES for statement in protecting(table)]
    backlog = "INSERT INTO audit_unsealed (event) SELECT id FROM audit_event"
    for statement in [*statements, *QUEUE, backlog]:
        schema_editor.execute(statement, params=None)


def unprotect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in [*UNQUEUE, *(f"DROP TRIGGER {table}_append_only ON {table}" for table in TABLES)]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_evidence")]
    operations = [migrations.RunPython(protect, unprotect)]
