"""The database also queues that a person paused or resumed delivery. See 0002: the function stays, its condition grows.

What is said of a change, and that changes to it are requested, it queues already, as all events of changes.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TOLD_BEFORE = "(NEW.action LIKE 'change.%' OR NEW.action IN ('vote.cast', 'delivery.paused', 'delivery.resumed'))"
TOLD = """(
    NEW.action LIKE 'change.%' OR NEW.action IN (
        'vote.cast', 'delivery.paused', 'delivery.resumed', 'delivery.held', 'delivery.released'
    )
)"""
DROP = "DROP TRIGGER notices_untold_queue ON audit_event"
QUEUE = """
    CREATE TRIGGER notices_untold_queue AFTER INSERT ON audit_event
    FOR EACH ROW WHEN {told} EXECUTE FUNCTION notices_untold_queue()
"""


def queue_more(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _queue(schema_editor, TOLD)


def queue_less(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _queue(schema_editor, TOLD_BEFORE)


def _queue(schema_editor: BaseDatabaseSchemaEditor, told: str) -> None:
    for statement in (DROP, QUEUE.format(told=told)):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("notices", "0002_untold")]
    operations = [migrations.RunPython(queue_more, queue_less)]
