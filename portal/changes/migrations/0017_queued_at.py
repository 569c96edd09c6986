"""Instants and facts that had no column of their own: what is shown as the time of a vote is never a later time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0016_outcome_codes")]
    operations = [
        migrations.AddField(
            model_name="change",
            name="status_since",
            field=models.DateTimeField(help_text="When it came to its present status.", null=True),
        ),
        migrations.AddField(
            model_name="change",
            name="queued_at",
            field=models.DateTimeField(help_text="Its place in its lane: when it was approved or retried.", null=True),
        ),
        migrations.AlterField(
            model_name="change",
            name="approved_at",
            field=models.DateTimeField(help_text="When the last vote approved it; a retry leaves it.", null=True),
        ),
        migrations.AddField(
            model_name="change",
            name="cause_details",
            field=models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="What belongs to the cause: names, numbers.",
            ),
        ),
        migrations.AddField(
            model_name="breaker",
            name="probes",
            field=models.SmallIntegerField(
                db_default=0, default=0, help_text="Changes tried in vain since delivery is paused."
            ),
        ),
        migrations.RunSQL(
            "UPDATE changes_change SET queued_at = approved_at, status_since = updated_at",
            migrations.RunSQL.noop,
        ),
    ]
