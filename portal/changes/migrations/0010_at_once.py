"""Of how many secrets one person proposed changes within an hour. Code that does not know the column says: of one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0009_drafts")]
    operations = [
        migrations.SeparateDatabaseAndState(
            # Django's own would make the table anew on SQLite, from under the triggers that guard it.
            [migrations.RunSQL("ALTER TABLE changes_change ADD COLUMN at_once smallint NOT NULL DEFAULT 1")],
            [
                migrations.AddField(
                    model_name="change",
                    name="at_once",
                    field=models.SmallIntegerField(
                        db_default=1, help_text="Of how many secrets its requester proposed in an hour."
                    ),
                )
            ],
        ),
    ]
