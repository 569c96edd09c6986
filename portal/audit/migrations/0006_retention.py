"""Tombstones and legal holds: an event may go where its tombstone is there, and no hold on its change.

Everything else about the log stays as it was: nothing is altered, and nobody but the owner of the tables may delete at all.
"""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

RETIRED = """
    EXISTS (SELECT 1 FROM audit_tombstone t JOIN audit_seal s ON s.event = t.event AND s.leaf = t.leaf
            WHERE t.event = OLD.id)
    AND NOT EXISTS (SELECT 1 FROM audit_legalhold h WHERE h.change = OLD.change)
"""
GUARD = [
    f"""
    CREATE FUNCTION audit_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND {RETIRED} THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    "DROP TRIGGER audit_event_append_only ON audit_event",
    """
    CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_guard()
    """,
    "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only",
    """
    CREATE TRIGGER audit_tombstone_append_only BEFORE UPDATE OR DELETE ON audit_tombstone
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()
    """,
    "ALTER TABLE audit_tombstone ENABLE ALWAYS TRIGGER audit_tombstone_append_only",
]


def guard(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in GUARD:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_counted_events")]
    operations = [
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("change", models.BigIntegerField(primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("leaf", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event", models.BigIntegerField(unique=True)),
                ("pruned", models.BigIntegerField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunPython(guard, elidable=False),
    ]
