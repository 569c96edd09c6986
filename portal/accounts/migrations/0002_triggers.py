"""Trigger that fills `username_key` for writers that do not know the column: older code, and manual SQL.

The column holds the folded user name that sign-in looks up, so names are unique in any spelling. The trigger folds less
than `fold_username`; the unique constraint applies either way.
"""

from django.db import migrations

FILL_USERNAME_KEY = """
CREATE FUNCTION accounts_user_fill_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.username_key = '' OR (TG_OP = 'UPDATE' AND NEW.username_key = OLD.username_key
                                 AND lower(NEW.username) <> lower(OLD.username)) THEN
        NEW.username_key := lower(normalize(NEW.username, NFKC));
    END IF;
    RETURN NEW;
END $$;
"""
USERNAME_KEY_IS_FILLED = """
CREATE TRIGGER accounts_user_fill_key BEFORE INSERT OR UPDATE ON accounts_user
    FOR EACH ROW EXECUTE FUNCTION accounts_user_fill_key();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL(FILL_USERNAME_KEY, "DROP FUNCTION accounts_user_fill_key()"),
        migrations.RunSQL(USERNAME_KEY_IS_FILLED, "DROP TRIGGER accounts_user_fill_key ON accounts_user"),
    ]
