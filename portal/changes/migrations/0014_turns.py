"""Where delivery has a cap, when the next change may go. Code that does not know it yet keeps no cap."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0013_templates")]
    operations = [
        migrations.AddField(
            model_name="breaker",
            name="turn_at",
            field=models.DateTimeField(null=True, help_text="When the next change may go, where delivery has a cap."),
        )
    ]
