"""What is taken out, and who must notice. A text that no longer occurs exactly once is an error, not a pass."""

from __future__ import annotations

from tests.mutants.accounts import ACCOUNTS
from tests.mutants.approvals import APPROVALS
from tests.mutants.audit_log import AUDIT_LOG
from tests.mutants.delivery import DELIVERY
from tests.mutants.devserver import DEVSERVER
from tests.mutants.evidence_book import EVIDENCE_BOOK
from tests.mutants.factors import FACTORS
from tests.mutants.forms import FORMS
from tests.mutants.identity import IDENTITY
from tests.mutants.invitations import INVITATIONS
from tests.mutants.mutant import Mutant
from tests.mutants.people import PEOPLE
from tests.mutants.vote_keys import VOTE_KEYS

_CLAIMS = "portal/changes/delivery/claims.py"
_DELIVERY = "portal/changes/delivery/deliver.py"
_APPROVED = "portal/changes/delivery/verified_patch.py"
_READBACK = "portal/changes/delivery/readback.py"
_EDGE = "portal/vault/transport.py"
_ROLES = "portal/operations/management/commands/restrict_db_role.py"
_RULES = "portal/changes/rules/guards.py"
_TABLES = "portal/changes/migrations/0001_initial.py"
_FOUR_EYES = "portal/changes/migrations/0002_triggers.py"
_APPEND_ONLY = "portal/audit/migrations/0002_triggers.py"

_DATABASE = (
    Mutant(
        "lane index",
        _TABLES,
        """        migrations.AddConstraint(
            model_name="change",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("sending", "in_doubt", "needs_attention"))),
                fields=("secret",),
                name="change_one_lane_per_secret",
            ),
        ),
""",
        "",
        ("tests/changes/test_four_eyes.py::test_two_changes_of_one_secret_are_never_on_their_way_together",),
    ),
    Mutant(
        "four eyes: the voter is not the requester (constraint)",
        _TABLES,
        """        migrations.AddConstraint(
            model_name="vote",
            constraint=models.CheckConstraint(
                condition=models.Q(("voter", models.F("requester")), _negated=True), name="vote_not_by_requester"
            ),
        ),
""",
        "",
        (
            "tests/changes/test_four_eyes.py::test_the_requester_cannot_vote_even_where_somebody_else_wrote_the_revision",
        ),
    ),
    Mutant(
        "four eyes: the vote names the real requester (foreign key)",
        _FOUR_EYES,
        """ALTER TABLE changes_vote ADD CONSTRAINT vote_names_the_requester
    FOREIGN KEY (change_id, requester_id) REFERENCES changes_change (id, requester_id) DEFERRABLE INITIALLY IMMEDIATE;
""",
        "",
        ("tests/changes/test_four_eyes.py::test_a_vote_cannot_hide_the_requester_behind_another_name",),
    ),
    Mutant(
        "four eyes: the voter is no editor (trigger)",
        _FOUR_EYES,
        "FOR EACH ROW EXECUTE FUNCTION changes_vote_guard();",
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION changes_vote_guard();",
        ("tests/changes/test_four_eyes.py::test_an_editor_cannot_vote_by_raw_sql",),
    ),
    Mutant(
        "a vote is never altered (trigger)",
        _FOUR_EYES,
        "FOR EACH ROW EXECUTE FUNCTION changes_vote_kept();",
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION changes_vote_kept();",
        ("tests/changes/test_four_eyes.py::test_history_is_never_altered",),
    ),
    Mutant(
        "a revision is immutable (trigger)",
        _FOUR_EYES,
        """{", ".join(FROZEN_REVISION)} ON changes_revision
    FOR EACH ROW EXECUTE""",
        """{", ".join(FROZEN_REVISION)} ON changes_revision
    FOR EACH ROW WHEN (false) EXECUTE""",
        ("tests/changes/test_four_eyes.py::test_history_is_never_altered",),
    ),
    Mutant(
        "append-only trigger",
        _APPEND_ONLY,
        "FOR EACH ROW EXECUTE FUNCTION audit_event_guard()",
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION audit_event_guard()",
        ("tests/audit/test_append_only.py::test_raw_sql_is_refused",),
    ),
    Mutant(
        "append-only trigger: ALWAYS",
        _APPEND_ONLY,
        "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only;\n",
        "",
        ("tests/audit/test_append_only.py::test_the_replica_role_does_not_walk_around_the_trigger",),
    ),
    Mutant(
        "retention: a tombstone is of the leaf of its event",
        _APPEND_ONLY,
        " AND s.leaf = t.leaf",
        "",
        ("tests/audit/test_retention.py::test_database_refuses_what_has_no_tombstone_of_its_own",),
    ),
    Mutant(
        "retention: a legal hold keeps events",
        _APPEND_ONLY,
        "    AND NOT EXISTS (SELECT 1 FROM audit_legalhold h WHERE h.change = OLD.change)\n",
        "",
        ("tests/audit/test_retention.py::test_database_keeps_tombstones_and_what_is_held",),
    ),
)

_VOTES = (
    Mutant(
        "four-eyes rule",
        _RULES,
        "is_own_change(change, by):\n        return ",
        "is_own_change(change, by) and False:\n        return ",
        (
            "tests/changes/test_change_page.py::test_approver_who_edited_is_told_the_rule",
            "tests/changes/test_workflow.py::test_requester_cannot_approve_own_change",
        ),
    ),
    Mutant(
        "no approval of a change whose base changed in Segura",
        "portal/changes/workflow/review.py",
        "        base_checks.forbid_changed_base(change, current)\n",
        "",
        ("tests/changes/test_base_check.py::test_every_route_refuses_to_approve_a_changed_base",),
    ),
    Mutant(
        "one read per minute and secret for all reviewers",
        "portal/changes/models/observed_secret.py",
        "        return cursor.fetchone() is not None\n",
        "        return True\n",
        ("tests/changes/test_base_check.py::test_one_of_two_readers_at_the_same_moment_may_read",),
    ),
    Mutant(
        "four-eyes rule: the requester",
        _RULES,
        "return change.requester_id == by.pk or any(",
        "return any(",
        (
            "tests/changes/test_four_eyes.py::test_the_rule_stops_the_requester_even_where_somebody_else_wrote_the_revision",
        ),
    ),
    Mutant(
        "four-eyes rule: who edited",
        _RULES,
        " or any(revision.editor_id == by.pk for revision in change.revisions.all())",
        "",
        (
            "tests/changes/test_change_page.py::test_approver_who_edited_is_told_the_rule",
            "tests/changes/test_change_acts.py::test_approver_who_edited_cannot_vote_by_crafted_post",
        ),
    ),
    Mutant(
        "one vote per person and revision",
        _RULES,
        "    if any(vote.voter_id == by.pk and vote.verdict != Verdict.REQUEST_CHANGES "
        "for vote in current_votes(change)):",
        "    if False:",
        (
            "tests/changes/test_change_page.py::test_approver_who_voted_is_told_that_another_is_needed",
            "tests/changes/test_workflow.py::test_two_approvals_are_needed_where_the_policy_says_so",
        ),
    ),
    Mutant(
        "digest check in the vote",
        "portal/changes/workflow/review.py",
        " or current.digest != ",
        " or False and current.digest != ",
        ("tests/changes/test_workflow.py::test_a_vote_with_another_digest_is_stale",),
    ),
)

_SENDING = (
    Mutant(
        "claim: compare-and-swap",
        _CLAIMS,
        "                ready_changes(Now())\n",
        "                Change.objects\n",
        ("tests/changes/test_delivery.py::test_a_second_worker_loses_the_claim",),
    ),
    Mutant(
        "move: compare-and-swap",
        "portal/changes/transitions.py",
        '_SEEN = ("id", "status", "revision", "fence")',
        '_SEEN = ("id",)',
        ("tests/changes/test_delivery.py::test_a_worker_that_lost_its_lease_sends_nothing_and_says_so",),
    ),
    Mutant(
        "nobody has their own change checked again",
        "portal/changes/workflow/manual_resolution.py",
        """        guards.forbid_own_change(
            change, by, _("You proposed or edited this change. Another administrator must have it checked again.")
        )
""",
        "",
        ("tests/changes/test_change_acts.py::test_nobody_has_their_own_change_checked_again",),
    ),
    Mutant(
        "a text from outside keeps known words alone",
        "portal/vault/scrubbing.py",
        "    return word in WORDS or all(",
        "    return True or all(",
        ("tests/vault/test_kept_text.py::test_text_keeps_no_part_of_a_secret_in_any_spelling",),
    ),
    Mutant(
        "numbers that stand together are not kept",
        "portal/vault/scrubbing.py",
        "numeric[at] and (any(beside) or",
        "numeric[at] and (",
        ("tests/vault/test_kept_text.py::test_text_keeps_no_part_of_a_secret_in_any_spelling",),
    ),
    Mutant(
        "a text is withheld for a part of a secret",
        "portal/vault/scrubbing.py",
        "range(len(value) - RUN + 1))\n    if len(value) > RUN",
        "range(1))\n    if len(value) > RUN",
        ("tests/vault/test_kept_text.py::test_secret_of_known_words_withholds_the_text_that_quotes_a_run_of_it",),
    ),
    Mutant(
        "a code in an answer is no way out for a value of digits",
        "portal/vault/exchange.py",
        "else keep_number(code, scrub)",
        "else code",
        ("tests/vault/test_kept_text.py::test_code_of_an_answer_is_no_way_out_for_a_value_of_digits",),
    ),
    Mutant(
        "a value that differs between two readings counts as not visible",
        "portal/catalog/details.py",
        "return second if second.secret_fingerprint == first.secret_fingerprint else",
        "return second if second else",
        ("tests/changes/test_unstable_value.py::test_only_a_stable_value_has_a_fingerprint",),
    ),
    Mutant(
        "no call before the wait that Segura asked for is over",
        "portal/vault/client.py",
        """                return token_errors.wait_requested(wait_s)
            token =""",
        """                pass
            token =""",
        ("tests/vault/test_waits.py::test_no_call_is_made_before_the_wait_is_over",),
    ),
    Mutant(
        "interim responses are skipped",
        "portal/vault/deadline.py",
        "while 100 <= self.status < 200 and",
        "while 100 > self.status and",
        ("tests/vault/test_odd_answers.py::test_interim_responses_are_not_the_answer",),
    ),
    Mutant(
        "an answer that is not UTF-8 is no evidence",
        "portal/vault/transport.py",
        'return body.decode("utf-8-sig", "replace"), True',
        'return body.decode("utf-8-sig", "replace"), False',
        ("tests/vault/test_odd_answers.py::test_letters_of_an_answer_that_is_not_utf8_are_never_taken",),
    ),
    Mutant(
        "no proposal quotes its own client secret",
        "portal/changes/rules/secret_quotes.py",
        "    if value is not None and any(is_quoted(",
        "    if value is None and any(is_quoted(",
        (
            "tests/changes/test_mentions.py"
            "::test_proposal_that_quotes_its_value_is_not_submitted_whatever_the_form_let_pass",
        ),
    ),
    Mutant(
        "no text of the form quotes the new client secret",
        "portal/changes/forms/proposal.py",
        "        self._refuse_mentions()\n",
        "",
        ("tests/changes/test_mentions.py::test_requester_cannot_write_the_new_value_into_any_field",),
    ),
    Mutant(
        "a mention reaches only users who may see the change",
        "portal/changes/workflow/comments.py",
        "User.objects.find_by_names(names).filter(pk__in=viewers)",
        "User.objects.find_by_names(names)",
        ("tests/changes/test_comments.py::test_mention_of_a_user_without_access_is_posted_and_the_note_names_it_c8",),
    ),
    Mutant(
        "a message that is no message does not end the worker",
        "portal/celery.py",
        """            super().on_readable(fileno)
        except _UNUSABLE as error:""",
        """            super().on_readable(fileno)
        except RecursionError as error:""",
        ("tests/faults/test_poison_messages.py::test_worker_survives_whatever_is_in_its_queue",),
    ),
    Mutant(
        "fence check before the intent",
        _CLAIMS,
        ".filter(pk=change.pk, fence=change.fence, status=Status.SENDING)",
        ".filter(pk=change.pk, status=Status.SENDING)",
        ("tests/changes/test_delivery.py::test_a_worker_overtaken_while_it_read_sends_nothing",),
    ),
    Mutant(
        "hold time",
        _CLAIMS,
        "~on_its_way, ~replayable, Q(its_turn)",
        "~on_its_way, Q(its_turn)",
        ("tests/changes/test_delivery.py::test_a_later_change_waits_for_the_earlier_one_and_for_its_hold",),
    ),
    Mutant(
        "intent before the call",
        _DELIVERY,
        '    failpoint("prepared")\n',
        """    early = client.update_secret(
        change.secret, build_verified_patch, attempt_id="", correlation_id=change.reference
    )
    client.update_secret = lambda *_args, **_options: early
""",
        ("tests/changes/test_delivery.py::test_a_call_is_written_down_and_committed_before_it_is_made",),
    ),
    Mutant(
        "digest check in the worker",
        _APPROVED,
        "    digest = patches.compute_digest(\n",
        "    digest = revision.digest\n    patches.compute_digest(\n",
        ("tests/changes/test_tampering.py::test_what_was_altered_past_the_triggers_is_not_sent",),
    ),
    Mutant(
        "votes counted once more before sending",
        "portal/changes/approvals/approval_proof.py",
        "    if len({vote.voter_id for vote in votes}) < required:\n        raise Tampered\n",
        "    if not votes:\n        return Proof(frozenset(), now, now)\n",
        ("tests/changes/test_proved_votes.py::test_change_without_votes_is_never_sent",),
    ),
    Mutant(
        "the base is compared before sending",
        _READBACK,
        "        if base and patches.find_base_changes(base, _sight(reading.seen)):\n"
        "            return ReadbackAction.MOVED\n",
        "",
        ("tests/changes/test_delivery.py::test_a_base_that_moved_makes_the_change_stale_and_sends_nothing",),
    ),
    Mutant(
        "after a restore: what was approved is read back before it is sent",
        "portal/changes/delivery/status_changes.py",
        "        unknown_outcomes=0,\n        in_doubt_since=now,",
        "        unknown_outcomes=0,\n        in_doubt_since=None,",
        ("tests/changes/test_restored.py::test_what_was_sent_after_the_backup_is_found_and_not_sent_again",),
    ),
    Mutant(
        "after a restore: what cannot be read back is not sent",
        _READBACK,
        "return ReadbackAction.UNPROVED if restored else ReadbackAction.REPEAT_UNREAD",
        "return ReadbackAction.REPEAT_UNREAD",
        ("tests/changes/test_restored.py::test_what_cannot_be_read_back_goes_to_a_person",),
    ),
    Mutant(
        "an answer about one secret never pauses delivery",
        _READBACK,
        "if self.error is None or self.error.about_item:",
        "if self.error is None or self.refused:",
        (
            "tests/changes/test_delivery_evidence.py::test_secrets_that_cannot_be_read_never_pause_the_delivery_of_others",
        ),
    ),
    Mutant(
        "a value that cannot be seen is not called not applied",
        "portal/changes/domain/patch.py",
        "        return Judgement(SnapshotMatch.HIDDEN, hidden=True)",
        "        return Judgement(SnapshotMatch.NOT_YET)",
        ("tests/changes/test_delivery_evidence.py::test_client_secret_that_cannot_be_seen_is_not_called_not_applied",),
    ),
    Mutant(
        "a retry leaves the time of the approval",
        "portal/changes/workflow/manual_resolution.py",
        "        queued_at=now,\n",
        "        queued_at=now,\n        approved_at=now,\n",
        (
            "tests/changes/test_delivery_evidence.py::"
            "test_retry_leaves_the_time_of_the_approval_and_is_a_step_of_its_own",
        ),
    ),
    Mutant(
        "a spool file of another shape stops no sweep",
        "portal/changes/delivery/spool.py",
        "except (OSError, ValueError, TypeError, KeyError, RecursionError):",
        "except RecursionError:",
        ("tests/faults/test_spool.py::test_spool_file_of_another_shape_is_set_aside_and_stops_no_sweep",),
    ),
    Mutant(
        "a third value is not overwritten",
        _READBACK,
        ", SnapshotMatch.OTHER: ReadbackAction.ESCALATE}",
        "}",
        ("tests/changes/test_delivery.py::test_a_third_value_is_never_overwritten",),
    ),
    Mutant(
        "a claim sees a pause that began while it waited",
        _CLAIMS,
        "if not claimed or not _admitted():",
        "if not claimed:",
        ("tests/changes/test_hold.py::test_a_claim_that_waited_for_its_row_sees_the_pause_that_began_meanwhile",),
    ),
    Mutant(
        "an answer counts once",
        "portal/changes/delivery/results.py",
        "Attempt.objects.filter(pk=attempt.pk, finished_at=None).update(",
        "Attempt.objects.filter(pk=attempt.pk).update(",
        ("tests/faults/test_spool.py::test_answer_kept_twice_is_counted_once",),
    ),
    Mutant(
        "an answer without a database is kept",
        "portal/changes/delivery/results.py",
        "        spool.write_result(kept)\n",
        "        pass\n",
        ("tests/faults/test_spool.py::test_kept_answer_is_one_line_for_its_owner_alone_without_secret_or_body",),
    ),
    Mutant(
        "publishing is bounded",
        "portal/settings.py",
        '    "socket_timeout":',
        '    "unused":',
        ("tests/changes/test_publishing.py::test_a_frozen_broker_costs_the_approver_seconds_and_then_nothing",),
    ),
    Mutant(
        "publishing falls silent",
        "portal/changes/delivery/tasks.py",
        "    if time.monotonic() < _silent_until:\n        return\n",
        "",
        ("tests/changes/test_publishing.py::test_a_frozen_broker_costs_the_approver_seconds_and_then_nothing",),
    ),
)

_WIRE = (
    Mutant(
        "strict 2xx rule",
        "portal/vault/outcomes.py",
        "return _judge_success(identifier, patch, came, doc, scrub)",
        "return Applied(status=came.status)",
        ("tests/vault/test_outcomes.py::test_every_kind_of_evidence_has_its_outcome",),
    ),
    Mutant(
        "no redirect is followed",
        _EDGE,
        "    def get_redirect_target(",
        "    def unused(",
        ("tests/vault/test_outcomes.py::test_no_redirect_is_followed_by_update_read_or_token",),
    ),
    Mutant(
        "the environment is not believed",
        _EDGE,
        "        self.trust_env = False\n",
        "",
        ("tests/vault/test_config.py::test_the_environment_is_not_even_asked",),
    ),
    Mutant(
        "a mask is not sent",
        "portal/vault/entities.py",
        "    if is_masked(value.reveal()):",
        "    if False:",
        ("tests/vault/test_entity.py::test_what_must_not_be_sent_is_refused_without_quoting_it",),
    ),
    Mutant(
        "a mask is not proposed",
        "portal/changes/forms/fields.py",
        "        if is_masked(text):",
        "        if False:",
        ("tests/changes/test_propose_page.py::test_masked_copy_of_a_client_secret_is_refused",),
    ),
    Mutant(
        "a revert changes only what the change did",
        "portal/changes/workflow/submission.py",
        "    reverted = revert_rules.require_revertible(reverts, proposal, by=by) if reverts is not None else None\n",
        "    reverted = Change.objects.filter(pk=reverts).first()\n",
        ("tests/changes/test_revert.py::test_command_refuses_what_the_form_would",),
    ),
    Mutant(
        "a revision of a revert too",
        "portal/changes/workflow/submission.py",
        "    if change.reverts is not None:\n        revert_rules.require_revert_scope(change.reverts, proposal)\n",
        "",
        ("tests/changes/test_revert.py::test_revision_of_a_revert_keeps_to_the_same_fields",),
    ),
)

_SECRETS = (
    Mutant(
        "AAD",
        "portal/changes/domain/secret_encryption.py",
        'return f"changes_revision|{revision_id}|client_secret".encode()',
        'return b""',
        ("tests/changes/test_tampering.py::test_a_sealed_value_opens_for_its_own_revision_alone",),
    ),
    Mutant(
        "sealed values are erased at the end",
        "portal/changes/transitions.py",
        "    if to in CLOSED:\n        change.erase_encrypted_values()\n",
        "",
        ("tests/changes/test_workflow.py::test_the_sealed_value_is_erased_when_the_change_ends_or_is_revised",),
    ),
)

_EVIDENCE = (
    Mutant(
        "nothing is signed over an altered log",
        "portal/audit/sealing/sealer.py",
        "    if (said.size, said.root) != (newest.size, head.root()):",
        "    if said.size != newest.size:",
        ("tests/audit/test_signed_over.py::test_a03_nothing_is_signed_over_what_was_altered",),
    ),
    Mutant(
        "every published checkpoint is compared",
        "portal/audit/verification/recorded.py",
        "*checkpoint_files.read_all_notes(), ",
        "",
        ("tests/audit/test_verification.py::test_a05_each_hour_of_the_checkpoint_folder_is_such_an_outside",),
    ),
)

MUTANTS = (
    *ACCOUNTS,
    *APPROVALS,
    *AUDIT_LOG,
    *EVIDENCE_BOOK,
    *DELIVERY,
    *DEVSERVER,
    *FACTORS,
    *FORMS,
    *IDENTITY,
    *INVITATIONS,
    *PEOPLE,
    *VOTE_KEYS,
    *_EVIDENCE,
    *_DATABASE,
    *_VOTES,
    *_SENDING,
    *_WIRE,
    *_SECRETS,
)
