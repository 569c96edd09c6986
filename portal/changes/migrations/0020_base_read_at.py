"""The moment at which a base was read from Segura, which is before its revision was made; immutable as the base is."""

from django.db import migrations, models

GUARDS = """
CREATE TRIGGER revision_reading_immutable BEFORE UPDATE OF base_read_at ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is immutable');
ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_reading_immutable;
"""


def guard(_apps, schema_editor):
    schema_editor.execute(GUARDS, params=None)


class Migration(migrations.Migration):
    dependencies = [("changes", "0019_sweep_indexes")]
    operations = [
        migrations.AddField(
            model_name="revision",
            name="base_read_at",
            field=models.DateTimeField(help_text="When the base was read from Segura.", null=True),
        ),
        migrations.RunPython(guard),
    ]
