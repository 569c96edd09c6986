"""Comments on a change. What was said stays as it was said: nobody edits words that somebody else has answered."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARD = """
CREATE TRIGGER comment_never_altered BEFORE UPDATE OR DELETE ON changes_comment
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a comment is never altered');
"""


def guard(_apps, schema_editor):
    schema_editor.execute(GUARD, params=None)


class Migration(migrations.Migration):
    dependencies = [("changes", "0005_change_risk"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision", models.IntegerField(help_text="The revision that counted when it was said.")),
                ("field", models.CharField(blank=True, max_length=32)),
                ("text", models.TextField()),
                ("mentions", models.JSONField(help_text="Usernames, as they were then.")),
                ("key", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="comments", to="changes.change"
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="changes.comment",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("author", "key"), name="comment_once")],
            },
        ),
        migrations.RunPython(guard, elidable=False),
    ]
