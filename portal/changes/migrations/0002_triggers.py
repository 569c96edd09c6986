"""Four-eyes rule in the database (B9): triggers that reject forbidden writes, also those by raw SQL.

A vote names the real requester of its change, is never cast by a user who edited the change, and is never altered, only
voided once. A change keeps its requester, its secret and what it reverts, and is never deleted. Of a revision only the
encrypted value may change. A comment is never altered, because other users may have answered it.

ENABLE ALWAYS triggers also fire under `session_replication_role = replica`, which skips ordinary triggers.
"""

from django.db import migrations

FROZEN_REVISION = (
    "id", "change_id", "number", "editor_id", "created_at", "patch", "base", "base_secret_fingerprint",
    "secret_fingerprint", "full_names", "unknown_names", "policy", "reason", "ticket", "digest",
)  # fmt: skip
FROZEN_VOTE = (
    "id",
    "change_id",
    "revision",
    "digest",
    "requester_id",
    "voter_id",
    "verdict",
    "reason",
    "voted_at",
    "mac",
    "signed_with",
    "is_high_risk",
)

VOTE_NAMES_THE_REQUESTER = """
ALTER TABLE changes_vote ADD CONSTRAINT vote_names_the_requester
    FOREIGN KEY (change_id, requester_id) REFERENCES changes_change (id, requester_id) DEFERRABLE INITIALLY IMMEDIATE;
"""

REFUSE = """
CREATE FUNCTION changes_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
GUARD_VOTE = """
CREATE FUNCTION changes_vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_revision r WHERE r.change_id = NEW.change_id AND r.editor_id = NEW.voter_id) THEN
        RAISE EXCEPTION 'changes_vote: nobody votes on a change they edited'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""
# Only `voided_at` of a vote may change, from NULL and once.
KEEP_VOTE = f"""
CREATE FUNCTION changes_vote_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL
       AND ({", ".join(f"NEW.{name}" for name in FROZEN_VOTE)}) IS NOT DISTINCT FROM
           ({", ".join(f"OLD.{name}" for name in FROZEN_VOTE)}) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'changes_vote: a vote is never altered, only voided, and only once'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
GUARD_REVISION = """
CREATE FUNCTION changes_revision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_vote v WHERE v.change_id = NEW.change_id AND v.voter_id = NEW.editor_id
               AND v.revision >= NEW.number) THEN
        RAISE EXCEPTION 'changes_revision: nobody edits what they voted on'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

VOTE_FOUR_EYES = """
CREATE TRIGGER vote_four_eyes BEFORE INSERT ON changes_vote
    FOR EACH ROW EXECUTE FUNCTION changes_vote_guard();
ALTER TABLE changes_vote ENABLE ALWAYS TRIGGER vote_four_eyes;
"""
VOTE_NEVER_ALTERED = """
CREATE TRIGGER vote_never_altered BEFORE UPDATE OR DELETE ON changes_vote
    FOR EACH ROW EXECUTE FUNCTION changes_vote_kept();
ALTER TABLE changes_vote ENABLE ALWAYS TRIGGER vote_never_altered;
"""
REVISION_NOT_BY_VOTER = """
CREATE TRIGGER revision_not_by_voter BEFORE INSERT ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_revision_guard();
"""
REVISION_IMMUTABLE = f"""
CREATE TRIGGER revision_immutable BEFORE UPDATE OF {", ".join(FROZEN_REVISION)} ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is immutable');
ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_immutable;
"""
REVISION_TRAITS_IMMUTABLE = """
CREATE TRIGGER revision_traits_immutable BEFORE UPDATE OF secret_strength ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is immutable');
ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_traits_immutable;
"""
# A base is read from Segura before its revision is created, so the instant of reading is immutable too.
REVISION_READING_IMMUTABLE = """
CREATE TRIGGER revision_reading_immutable BEFORE UPDATE OF base_read_at ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is immutable');
ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_reading_immutable;
"""
REVISION_KEPT = """
CREATE TRIGGER revision_kept BEFORE DELETE ON changes_revision
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a revision is never deleted');
"""
CHANGE_KEPT = """
CREATE TRIGGER change_kept BEFORE DELETE ON changes_change
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a change is never deleted');
"""
CHANGE_IDENTITY = """
CREATE TRIGGER change_identity BEFORE UPDATE OF id, secret, reverts_id, requester_id, created_at ON changes_change
    FOR EACH ROW WHEN (OLD.id <> NEW.id OR OLD.secret <> NEW.secret OR OLD.requester_id <> NEW.requester_id
                       OR OLD.reverts_id IS DISTINCT FROM NEW.reverts_id OR OLD.created_at <> NEW.created_at)
    EXECUTE FUNCTION changes_refuse('a change keeps its requester and its secret');
"""
ATTEMPT_KEPT = """
CREATE TRIGGER attempt_kept BEFORE DELETE ON changes_attempt
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('an attempt is never deleted');
"""
COMMENT_NEVER_ALTERED = """
CREATE TRIGGER comment_never_altered BEFORE UPDATE OR DELETE ON changes_comment
    FOR EACH ROW EXECUTE FUNCTION changes_refuse('a comment is never altered');
"""


class Migration(migrations.Migration):
    dependencies = [("changes", "0001_initial")]
    operations = [
        migrations.RunSQL(
            VOTE_NAMES_THE_REQUESTER, "ALTER TABLE changes_vote DROP CONSTRAINT vote_names_the_requester"
        ),
        migrations.RunSQL(REFUSE, "DROP FUNCTION changes_refuse()"),
        migrations.RunSQL(GUARD_VOTE, "DROP FUNCTION changes_vote_guard()"),
        migrations.RunSQL(KEEP_VOTE, "DROP FUNCTION changes_vote_kept()"),
        migrations.RunSQL(GUARD_REVISION, "DROP FUNCTION changes_revision_guard()"),
        migrations.RunSQL(VOTE_FOUR_EYES, "DROP TRIGGER vote_four_eyes ON changes_vote"),
        migrations.RunSQL(VOTE_NEVER_ALTERED, "DROP TRIGGER vote_never_altered ON changes_vote"),
        migrations.RunSQL(REVISION_NOT_BY_VOTER, "DROP TRIGGER revision_not_by_voter ON changes_revision"),
        migrations.RunSQL(REVISION_IMMUTABLE, "DROP TRIGGER revision_immutable ON changes_revision"),
        migrations.RunSQL(REVISION_TRAITS_IMMUTABLE, "DROP TRIGGER revision_traits_immutable ON changes_revision"),
        migrations.RunSQL(REVISION_READING_IMMUTABLE, "DROP TRIGGER revision_reading_immutable ON changes_revision"),
        migrations.RunSQL(REVISION_KEPT, "DROP TRIGGER revision_kept ON changes_revision"),
        migrations.RunSQL(CHANGE_KEPT, "DROP TRIGGER change_kept ON changes_change"),
        migrations.RunSQL(CHANGE_IDENTITY, "DROP TRIGGER change_identity ON changes_change"),
        migrations.RunSQL(ATTEMPT_KEPT, "DROP TRIGGER attempt_kept ON changes_attempt"),
        migrations.RunSQL(COMMENT_NEVER_ALTERED, "DROP TRIGGER comment_never_altered ON changes_comment"),
    ]
