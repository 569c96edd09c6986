"""A third verdict: changes requested. Who gave it may still approve or reject once; it is no second vote of the kind.

SQLite makes the table anew for this, and forgets its triggers: they are put aside and come back word for word, but for
the one that takes a second row for the replacement of the first.
"""

from django.db import migrations, models
from django.db.models import Q

ASKED = Q(verdict="request_changes")
VOTER = ["change", "revision", "voter"]
SAME_VOTER = "v.voter_id = NEW.voter_id"
SAME_KIND = f"{SAME_VOTER} AND (v.verdict = 'request_changes') = (NEW.verdict = 'request_changes')"

aside = {}


def put_aside(_apps, schema_editor):
    if schema_editor.connection.vendor != "sqlite":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%changes_vote%'")
        aside.update(cursor.fetchall())
    for name in aside:
        schema_editor.execute(f'DROP TRIGGER "{name}"', params=None)


def put_back(_apps, schema_editor):
    for name, statement in aside.items():
        told = statement.replace(SAME_VOTER, SAME_KIND) if name == "vote_not_replaced" else statement
        schema_editor.execute(told, params=None)
    aside.clear()


class Migration(migrations.Migration):
    dependencies = [("changes", "0006_comments")]
    operations = [
        migrations.RunPython(put_aside, elidable=False),
        migrations.AlterField(
            model_name="vote",
            name="verdict",
            field=models.CharField(
                choices=[("approve", "Approve"), ("reject", "Reject"), ("request_changes", "Request changes")],
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(condition=ASKED, fields=VOTER, name="vote_asks_once_per_revision"),
        ),
        migrations.RemoveConstraint(model_name="vote", name="vote_once_per_revision"),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(condition=~ASKED, fields=VOTER, name="vote_once_per_revision"),
        ),
        migrations.RunPython(put_back, elidable=False),
    ]
