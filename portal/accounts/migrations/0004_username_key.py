"""User names become unique however they are spelled, by the form that sign-in looks up.

The trigger fills the column for writers that do not know it: the release before, and SQL by hand. It knows less than
`fold_username`, and the constraint holds either way.
"""

from __future__ import annotations

from collections import defaultdict

from django.core.management import CommandError
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import portal.accounts.models
from portal.accounts.usernames import fold_username

FILL = """
CREATE FUNCTION accounts_user_fill_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.username_key = '' OR (TG_OP = 'UPDATE' AND NEW.username_key = OLD.username_key
                                 AND lower(NEW.username) <> lower(OLD.username)) THEN
        NEW.username_key := lower(normalize(NEW.username, NFKC));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_user_fill_key BEFORE INSERT OR UPDATE ON accounts_user
    FOR EACH ROW EXECUTE FUNCTION accounts_user_fill_key();
"""
NO_FILL = "DROP TRIGGER accounts_user_fill_key ON accounts_user; DROP FUNCTION accounts_user_fill_key();"


def fold_names(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill the column. Raises CommandError, which names them, where two accounts have one name."""
    people = apps.get_model("accounts", "User").objects
    spellings = defaultdict(list)
    for number, name in people.order_by("pk").values_list("pk", "username"):
        spellings[fold_username(name)].append((number, name))
    twice = [
        f"{' and '.join(f'{name!r} (id {number})' for number, name in same)}"
        for same in spellings.values()
        if len(same) > 1
    ]
    if twice or "" in spellings:
        raise CommandError(
            "Accounts differ only in capitals, Unicode form or invisible characters of their user names, so none of"
            f" them can sign in: {', '.join(twice) or spellings['']}. Rename all but one, for example with UPDATE"
            " accounts_user SET username = 'another-name' WHERE id = ..., then migrate again. This migration changed nothing."
        )
    for key, ((number, _name),) in spellings.items():
        people.filter(pk=number).update(username_key=key)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_first_steps")]
    operations = [
        migrations.AlterModelManagers(name="user", managers=[]),
        migrations.AddField(
            model_name="user",
            name="username_key",
            field=portal.accounts.models.UsernameKeyField(
                blank=True, db_default="", editable=False, help_text="The user name, folded: what it is found by."
            ),
        ),
        migrations.RunPython(fold_names, migrations.RunPython.noop),
        migrations.RunSQL(FILL, NO_FILL),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(fields=("username_key",), name="user_one_spelling_per_name"),
        ),
    ]
