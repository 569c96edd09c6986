"""The database itself queues each event that people may be told of, in the transaction of the act.

As it queues events for the sealer (audit, 0004). Which of them anybody is told of, `kinds.RULES` says.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TOLD = "(NEW.action LIKE 'change.%' OR NEW.action IN ('vote.cast', 'delivery.paused', 'delivery.resumed'))"
QUEUE = [
    """
    CREATE FUNCTION notices_untold_queue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO notices_untold (event) VALUES (NEW.id);
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE TRIGGER notices_untold_queue AFTER INSERT ON audit_event
    FOR EACH ROW WHEN {TOLD} EXECUTE FUNCTION notices_untold_queue()
    """,
]
UNQUEUE = ["DROP TRIGGER notices_untold_queue ON audit_event", "DROP FUNCTION notices_untold_queue()"]


def queue(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in QUEUE:
        schema_editor.execute(statement, params=None)


def unqueue(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNQUEUE:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial"), ("audit", "0004_append_only_seals")]
    operations = [migrations.RunPython(queue, unqueue)]
