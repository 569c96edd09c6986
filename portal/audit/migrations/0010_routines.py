from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0009_append_by_function")]
    operations = [
        migrations.CreateModel(
            name="Routine",
            fields=[
                ("name", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("begun_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("event", models.BigIntegerField(null=True)),
                ("data", models.JSONField(default=dict)),
            ],
            options={"default_permissions": ()},
        ),
    ]
