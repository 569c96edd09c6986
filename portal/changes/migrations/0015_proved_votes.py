"""Votes carry a MAC and may be voided; wrong values of retries are rows.

A vote is still never altered: the trigger lets `voided_at` be set once, and nothing else. Votes on pending changes were
cast before there were MACs and cannot be proved: they are voided, so that their voters can vote again. Approved changes
are left to the workers of the release before.
"""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.models import Q

ASKED = Q(verdict="request_changes")
COUNTS = Q(voided_at=None)
VOTER = ["change", "revision", "voter"]
FROZEN = ("id", "change_id", "revision", "digest", "requester_id", "voter_id", "verdict", "reason", "at", "mac")

GUARD = f"""
CREATE FUNCTION changes_vote_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL
       AND ({", ".join(f"NEW.{name}" for name in FROZEN)}) IS NOT DISTINCT FROM
           ({", ".join(f"OLD.{name}" for name in FROZEN)}) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'changes_vote: a vote is never altered, only voided, and only once'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER vote_never_altered ON changes_vote;
CREATE TRIGGER vote_never_altered BEFORE UPDATE OR DELETE ON changes_vote
    FOR EACH ROW EXECUTE FUNCTION changes_vote_kept();
ALTER TABLE changes_vote ENABLE ALWAYS TRIGGER vote_never_altered;
"""
VOID_UNPROVED = """
UPDATE changes_vote v SET voided_at = clock_timestamp()
FROM changes_change c WHERE c.id = v.change_id AND c.status = 'pending' AND v.revision = c.revision AND v.mac = '';
"""


class Migration(migrations.Migration):
    dependencies = [("changes", "0014_turns")]
    operations = [
        migrations.AddField(
            model_name="vote",
            name="mac",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Proves that the portal took the vote: vote_mac.",
                max_length=100,
            ),
        ),
        migrations.AddField(
            model_name="vote",
            name="voided_at",
            field=models.DateTimeField(null=True, help_text="Since then it does not count: its voter lost the right."),
        ),
        migrations.RemoveConstraint(model_name="vote", name="vote_once_per_revision"),
        migrations.RemoveConstraint(model_name="vote", name="vote_asks_once_per_revision"),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(condition=~ASKED & COUNTS, fields=VOTER, name="vote_once_per_revision"),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(
                condition=ASKED & COUNTS, fields=VOTER, name="vote_asks_once_per_revision"
            ),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop, elidable=False),
        migrations.RunSQL(VOID_UNPROVED, migrations.RunSQL.noop, elidable=False),
        migrations.CreateModel(
            name="WrongValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "change",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.deletion.PROTECT,
                        related_name="+",
                        to="changes.change",
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["change", "at"], name="wrong_value_change")],
            },
        ),
    ]
