"""An index for the failed changes that can still be retried, which Operations lists."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0017_queued_at")]
    operations = [
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("status", "failed")), fields=["-ended_at"], name="change_failed_ended"
            ),
        ),
    ]
