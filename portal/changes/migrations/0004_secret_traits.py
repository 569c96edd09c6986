"""Traits of a new secret value beside its fingerprint, as immutable as the rest; fingerprints that can be looked up."""

from django.db import migrations, models

GUARDS = """
CREATE TRIGGER revision_traits_immutable BEFORE UPDATE OF secret_traits ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is immutable');
ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_traits_immutable;
"""


def guard(_apps, schema_editor):
    schema_editor.execute(GUARDS, params=None)


class Migration(migrations.Migration):
    dependencies = [("changes", "0003_breaker")]
    operations = [
        migrations.AddField(
            model_name="revision",
            name="secret_traits",
            field=models.JSONField(help_text="What approvers are told of a new value: traits.of(it).", null=True),
        ),
        migrations.AddIndex(
            model_name="revision",
            index=models.Index(fields=["editor", "created_at"], name="revision_editor"),
        ),
        migrations.AddIndex(
            model_name="revision",
            index=models.Index(
                condition=models.Q(("secret_fingerprint", ""), _negated=True),
                fields=["secret_fingerprint"],
                name="revision_value",
            ),
        ),
        migrations.AddIndex(
            model_name="revision",
            index=models.Index(
                condition=models.Q(("base_secret_fingerprint", ""), _negated=True),
                fields=["base_secret_fingerprint"],
                name="revision_base_value",
            ),
        ),
        migrations.RunPython(guard, elidable=False),
    ]
