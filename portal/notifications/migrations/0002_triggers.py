"""Trigger that queues each event that users may be notified of, in the transaction of the act.

The sealer's queue is filled by a similar trigger (audit, 0002_triggers). `routes.ROUTES` says which of the queued
events notify users.
"""

from django.db import migrations

QUEUE_EVENT = """
    CREATE FUNCTION notifications_pendingevent_queue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO notifications_pendingevent (event) VALUES (NEW.id);
        RETURN NULL;
    END $$
"""
EVENT_IS_QUEUED = """
    CREATE TRIGGER notifications_pendingevent_queue AFTER INSERT ON audit_event
    FOR EACH ROW WHEN (
        NEW.action LIKE 'change.%' OR NEW.action IN (
            'vote.cast', 'delivery.paused', 'delivery.resumed', 'delivery.paused_by_operator', 'delivery.resumed_by_operator',
            'governance.proposed', 'governance.adopted', 'governance.approved', 'governance.rejected',
            'governance.outdated', 'account.emergency_used', 'vote_key.enrolled'
        )
    ) EXECUTE FUNCTION notifications_pendingevent_queue()
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial"), ("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(QUEUE_EVENT, "DROP FUNCTION notifications_pendingevent_queue()"),
        migrations.RunSQL(EVENT_IS_QUEUED, "DROP TRIGGER notifications_pendingevent_queue ON audit_event"),
    ]
