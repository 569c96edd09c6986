"""Triggers that keep the rows of vote keys append-only, and a confirmation bound to the real owner of its key.

ENABLE ALWAYS triggers also fire under `session_replication_role = replica`, which skips ordinary triggers.
"""

from django.db import migrations

REFUSE = """
CREATE FUNCTION vote_keys_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: a vote key is only added, confirmed and revoked: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
CONFIRMATION_NAMES_THE_OWNER = """
ALTER TABLE vote_keys_votekeyconfirmation ADD CONSTRAINT vote_key_confirmation_names_the_owner
    FOREIGN KEY (key_id, owner_id) REFERENCES vote_keys_votekey (id, owner_id) DEFERRABLE INITIALLY IMMEDIATE;
"""
KEY_APPEND_ONLY = """
CREATE TRIGGER vote_key_append_only BEFORE UPDATE OR DELETE ON vote_keys_votekey
    FOR EACH ROW EXECUTE FUNCTION vote_keys_refuse();
ALTER TABLE vote_keys_votekey ENABLE ALWAYS TRIGGER vote_key_append_only;
"""
CONFIRMATION_APPEND_ONLY = """
CREATE TRIGGER vote_key_confirmation_append_only BEFORE UPDATE OR DELETE ON vote_keys_votekeyconfirmation
    FOR EACH ROW EXECUTE FUNCTION vote_keys_refuse();
ALTER TABLE vote_keys_votekeyconfirmation ENABLE ALWAYS TRIGGER vote_key_confirmation_append_only;
"""
REVOCATION_APPEND_ONLY = """
CREATE TRIGGER vote_key_revocation_append_only BEFORE UPDATE OR DELETE ON vote_keys_votekeyrevocation
    FOR EACH ROW EXECUTE FUNCTION vote_keys_refuse();
ALTER TABLE vote_keys_votekeyrevocation ENABLE ALWAYS TRIGGER vote_key_revocation_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("vote_keys", "0001_initial")]
    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION vote_keys_refuse()"),
        migrations.RunSQL(
            CONFIRMATION_NAMES_THE_OWNER,
            "ALTER TABLE vote_keys_votekeyconfirmation DROP CONSTRAINT vote_key_confirmation_names_the_owner",
        ),
        migrations.RunSQL(KEY_APPEND_ONLY, "DROP TRIGGER vote_key_append_only ON vote_keys_votekey"),
        migrations.RunSQL(
            CONFIRMATION_APPEND_ONLY,
            "DROP TRIGGER vote_key_confirmation_append_only ON vote_keys_votekeyconfirmation",
        ),
        migrations.RunSQL(
            REVOCATION_APPEND_ONLY, "DROP TRIGGER vote_key_revocation_append_only ON vote_keys_votekeyrevocation"
        ),
    ]
