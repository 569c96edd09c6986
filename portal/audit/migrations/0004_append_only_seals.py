"""What proves the log is as append-only as the log, and the database itself queues each event for the sealer.

See 0002 for why ENABLE ALWAYS, and why SQLite has an insert guard.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLES = {
    "audit_seal": "leaf = NEW.leaf OR event = NEW.event",
    "audit_subtree": 'id = NEW.id OR (level = NEW.level AND "index" = NEW."index")',
    "audit_checkpoint": "size = NEW.size",
}
"""Each with what makes a row be in the way of a new one."""

QUEUE = {
    "postgresql": [
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
    ],
    "sqlite": [
        """
        CREATE TRIGGER audit_event_queue AFTER INSERT ON audit_event
        BEGIN INSERT INTO audit_unsealed (event) VALUES (NEW.id); END
        """,
    ],
}
UNQUEUE = {
    "postgresql": ["DROP TRIGGER audit_event_queue ON audit_event", "DROP FUNCTION audit_event_queue()"],
    "sqlite": ["DROP TRIGGER audit_event_queue"],
}


def protecting(vendor: str, table: str, in_the_way: str) -> list[str]:
    if vendor == "postgresql":
        return [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only",
        ]
    refuse = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: {} refused'); END".format
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse('UPDATE')}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse('DELETE')}",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {in_the_way}) {refuse('REPLACE')}",
    ]


def unprotecting(vendor: str, table: str) -> list[str]:
    if vendor == "postgresql":
        return [f"DROP TRIGGER {table}_append_only ON {table}"]
    return [f"DROP TRIGGER {table}_{what}" for what in ("no_update", "no_delete", "no_replace")]


def protect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    vendor = schema_editor.connection.vendor
    statements = [statement for table, clash in TABLES.items() for statement in protecting(vendor, table, clash)]
    backlog = "INSERT INTO audit_unsealed (event) SELECT id FROM audit_event"
    for statement in [*statements, *QUEUE[vendor], backlog]:
        schema_editor.execute(statement, params=None)


def unprotect(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    vendor = schema_editor.connection.vendor
    statements = [statement for table in TABLES for statement in unprotecting(vendor, table)]
    for statement in [*UNQUEUE[vendor], *statements]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_evidence")]
    operations = [migrations.RunPython(protect, unprotect)]
