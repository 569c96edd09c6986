"""How far a person is with their first steps; code that does not know the column leaves it as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_preferences")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="first_steps",
            field=models.TextField(
                blank=True, db_default="", help_text="The steps taken; «dismissed» where none are to be shown."
            ),
        ),
    ]
