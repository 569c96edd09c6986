"""What somebody with access to the database could do, past the portal and past the triggers."""

from __future__ import annotations

from django.db import connection

from portal.audit.models import Event


def overwrite(number: int, **columns: object) -> None:
    """Set columns of an event although the database refuses it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
            Event.objects.filter(pk=number).update(**columns)
            cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only")
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_event_no_update'")
        (trigger,) = cursor.fetchone()
        cursor.execute("DROP TRIGGER audit_event_no_update")
        Event.objects.filter(pk=number).update(**columns)
        cursor.execute(trigger)
