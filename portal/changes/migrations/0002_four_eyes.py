"""Four eyes in the database (B9): what no code path, raw SQL included, may write.

A vote is bound to its change's real requester, is never cast by anybody who edited the change, and is never altered.
A change keeps its requester, secret and life; a revision loses its sealed value and nothing else.
"""

from django.db import migrations

FROZEN_REVISION = (
    "id", "change_id", "number", "editor_id", "created_at", "patch", "base", "base_secret_fingerprint",
    "secret_fingerprint", "policy", "reason", "ticket", "digest",
)  # fmt: skip

GUARDS = f"""
ALTER TABLE changes_vote ADD CONSTRAINT vote_names_the_requester
    FOREIGN KEY (change_id, requester_id) REFERENCES changes_change (id, requester_id) DEFERRABLE INITIALLY IMMEDIATE;

CREATE FUNCTION changes_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION changes_vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_revision r WHERE r.change_id = NEW.change_id AND r.editor_id = NEW.voter_id) THEN
        RAISE EXCEPTION 'changes_vote: nobody votes on a change they edited'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION changes_revision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_vote v WHERE v.change_id = NEW.change_id AND v.voter_id = NEW.editor_id
               AND v.revision >= NEW.number) THEN
        RAISE EXCEPTION 'changes_revision: nobody edits what they voted on'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER vote_four_eyes BEFORE INSERT ON changes_vote
    FOR EACH ROW EXECUTE FUNCTION changes_vote_guard();
CREATE TRIGGER vote_never_altered BEFORE UPDATE OR DELETE ON changes_vote
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a vote is never altered');
CREATE TRIGGER revision_not_by_voter BEFORE INSERT ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_revision_guard();
CREATE TRIGGER revision_immutable BEFORE UPDATE OF {", ".join(FROZEN_REVISION)} ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is immutable');
CREATE TRIGGER revision_kept BEFORE DELETE ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is never deleted');
CREATE TRIGGER change_kept BEFORE DELETE ON changes_change
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a change is never deleted');
CREATE TRIGGER change_identity BEFORE UPDATE OF id, secret, requester_id, created_at ON changes_change
    FOR EACH ROW WHEN (OLD.id <> NEW.id OR OLD.secret <> NEW.secret OR OLD.requester_id <> NEW.requester_id
                       OR OLD.created_at <> NEW.created_at)
    EXECUTE FUNCTION changes_refuse('a change keeps its requester and its secret');
CREATE TRIGGER attempt_kept BEFORE DELETE ON changes_attempt
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('an attempt is never deleted');
ALTER TABLE changes_vote ENABLE ALWAYS TRIGGER vote_four_eyes;
ALTER TABLE changes_vote ENABLE ALWAYS TRIGGER vote_never_altered;
ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_immutable;
"""


def guard(_apps, schema_editor):
    schema_editor.execute(GUARDS, params=None)


class Migration(migrations.Migration):
    dependencies = [("changes", "0001_initial")]
    operations = [migrations.RunPython(guard, elidable=False)]
