"""Indexes for what the sweep asks: condition and order of each are those of its question."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("changes", "0018_failed_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="change",
            name="change_deadline",
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("doubtful_since", None), ("status__in", ("pending", "approved", "stale"))),
                fields=["expires_at", "id"],
                name="change_deadline",
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("status", "approved")), fields=["queued_at", "id"], name="change_queue"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("status", "approved")), fields=["secret", "queued_at", "id"], name="change_lane"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("hold_until__isnull", False)), fields=["secret", "hold_until"], name="change_hold"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("status", "in_doubt")), fields=["doubtful_since", "id"], name="change_doubt"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("status", "sending")), fields=["lease_until", "id"], name="change_lease"
            ),
        ),
    ]
