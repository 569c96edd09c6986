"""The risk of the revision that counts, with its change, so that lists filter and sort by it.

Code that does not know the column yet leaves the default, high, which only brings a change to more attention.
"""

from django.db import migrations, models

from portal.changes import risks

_AT_ONCE = 500


def rate(apps, _schema_editor):
    """By the rules of today: what approvers see of these changes is made by the same."""
    change, revision = apps.get_model("changes", "Change"), apps.get_model("changes", "Revision")
    current = revision.objects.filter(number=models.F("change__revision"))
    rated = []
    for found in current.only("change_id", "patch", "base", "secret_fingerprint").iterator(_AT_ONCE):
        level = risks.of_proposed(found.patch, found.base, new_secret=bool(found.secret_fingerprint))
        rated.append(change(pk=found.change_id, risk=level))
    change.objects.bulk_update(rated, ["risk"], batch_size=_AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [("changes", "0004_secret_traits")]
    operations = [
        migrations.AddField(
            model_name="change",
            name="risk",
            field=models.SmallIntegerField(
                db_default=3, help_text="risks.Level of that revision; what nobody rated is high."
            ),
        ),
        migrations.RunPython(rate, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["status", "-risk", "id"], name="change_risk"),
        ),
    ]
