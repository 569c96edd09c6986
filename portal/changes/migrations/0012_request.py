"""The id of the request that approved a change, so that its delivery is told under it, whoever reminds the worker.

Code that does not know the column yet leaves it empty: the delivery then has the id of its task.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0011_lists_at_any_size")]
    operations = [
        migrations.AddField(
            model_name="change",
            name="request",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Id of the request that approved or retried it.",
                max_length=64,
            ),
        ),
    ]
