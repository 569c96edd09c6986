"""Of how many secrets one person proposed changes within an hour. Code that does not know the column says: of one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0009_drafts")]
    operations = [
        migrations.AddField(
            model_name="change",
            name="at_once",
            field=models.SmallIntegerField(
                db_default=1, help_text="Of how many secrets its requester proposed in an hour."
            ),
        ),
    ]
