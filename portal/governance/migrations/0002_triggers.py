"""Triggers that keep proposals: never deleted, never altered, decided once. The constraints refuse one's own decision.

ENABLE ALWAYS triggers also fire under `session_replication_role = replica`, which skips ordinary triggers.
"""

from django.db import migrations

FROZEN = ("id", "kind", "subject_id", "old", "new", "reason", "console", "proposed_at")

# A proposal is filed open. Until its only decision one column may change, once: the console's proposer, from NULL.
PROPOSAL_KEPT = f"""
CREATE FUNCTION governance_proposal_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.verdict = '' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.verdict = ''
       AND (OLD.proposed_by_id IS NULL OR NEW.proposed_by_id IS NOT DISTINCT FROM OLD.proposed_by_id)
       AND (NEW.verdict <> 'approved' OR NEW.proposed_by_id IS NOT DISTINCT FROM OLD.proposed_by_id)
       AND ({", ".join(f"NEW.{name}" for name in FROZEN)}) IS NOT DISTINCT FROM
           ({", ".join(f"OLD.{name}" for name in FROZEN)}) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'governance_governanceproposal: a proposal is filed open, never altered, and decided once'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
PROPOSAL_NEVER_ALTERED = """
CREATE TRIGGER proposal_never_altered BEFORE INSERT OR UPDATE OR DELETE ON governance_governanceproposal
    FOR EACH ROW EXECUTE FUNCTION governance_proposal_kept();
ALTER TABLE governance_governanceproposal ENABLE ALWAYS TRIGGER proposal_never_altered;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial")]
    operations = [
        migrations.RunSQL(PROPOSAL_KEPT, "DROP FUNCTION governance_proposal_kept()"),
        migrations.RunSQL(
            PROPOSAL_NEVER_ALTERED, "DROP TRIGGER proposal_never_altered ON governance_governanceproposal"
        ),
    ]
