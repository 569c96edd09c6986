"""Comments on a change. What was said stays as it was said: nobody edits words that somebody else has answered."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

POSTGRESQL = """
CREATE TRIGGER comment_never_altered BEFORE UPDATE OR DELETE ON changes_comment
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a comment is never altered');
"""
SQLITE = [
    f"CREATE TRIGGER {name} BEFORE {event} ON changes_comment FOR EACH ROW {when} "
    f"BEGIN SELECT RAISE(ABORT, 'changes_comment: a comment is never altered'); END"
    for name, event, when in (
        ("comment_not_updated", "UPDATE", ""),
        ("comment_not_deleted", "DELETE", ""),
        # INSERT OR REPLACE walks around a delete trigger.
        ("comment_not_replaced", "INSERT", "WHEN EXISTS (SELECT 1 FROM changes_comment c WHERE c.id = NEW.id)"),
    )
]


def guard(_apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in [POSTGRESQL] if vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


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
