"""Room for the codes of outcomes, which replace the names of their classes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0015_proved_votes")]
    operations = [
        migrations.AlterField(
            model_name="attempt",
            name="outcome",
            field=models.CharField(blank=True, help_text="Code of the outcome, see vault.outcomes.", max_length=24),
        )
    ]
