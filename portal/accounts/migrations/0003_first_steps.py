"""How far a person is with their first steps; code that does not know the column leaves it as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_preferences")]
    operations = [
        migrations.SeparateDatabaseAndState(
            # Django's own would make the table anew on SQLite, from under what points to it.
            [migrations.RunSQL("ALTER TABLE accounts_user ADD COLUMN first_steps text NOT NULL DEFAULT ''")],
            [
                migrations.AddField(
                    model_name="user",
                    name="first_steps",
                    field=models.TextField(
                        blank=True, db_default="", help_text="The steps taken; «dismissed» where none are to be shown."
                    ),
                )
            ],
        ),
    ]
