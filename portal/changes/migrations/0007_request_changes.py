"""A third verdict: changes requested. Who gave it may still approve or reject once; it is no second vote of the kind."""

from django.db import migrations, models
from django.db.models import Q

ASKED = Q(verdict="request_changes")
VOTER = ["change", "revision", "voter"]


class Migration(migrations.Migration):
    dependencies = [("changes", "0006_comments")]
    operations = [
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
    ]
