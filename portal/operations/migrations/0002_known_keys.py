"""When each sealing key was first met, so that one that no rotation moved values to has an age too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_tally")]
    operations = [
        migrations.CreateModel(
            name="KnownKey",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("first_seen_at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
    ]
