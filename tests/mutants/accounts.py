"""Defences of accounts, sign-in and limits per person."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ACCOUNTS = (
    Mutant(
        "user names are unique in every spelling (constraint)",
        "portal/accounts/migrations/0001_initial.py",
        """        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(fields=("username_key",), name="user_one_spelling_per_name"),
        ),
""",
        "",
        ("tests/accounts/test_usernames.py::test_database_takes_no_second_account_past_the_model",),
    ),
    Mutant(
        "user names are unique in every spelling (model)",
        "portal/accounts/models.py",
        "if other is not None and other.pk != self.pk:",
        "if False:",
        ("tests/accounts/test_usernames.py::test_second_account_of_one_name_is_refused_wherever_it_is_made",),
    ),
    Mutant(
        "sign-in looks names up as the model does",
        "portal/accounts/backends.py",
        "if known is not None:",
        "if False:",
        ("tests/accounts/test_usernames.py::test_person_signs_in_under_every_spelling_of_the_name",),
    ),
    Mutant(
        "attempts at a password are counted under a lock",
        "portal/accounts/limits.py",
        """    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, subject])
""",
        "    del subject\n",
        ("tests/accounts/test_attempts.py::test_parallel_guesses_do_not_exceed_the_limit",),
    ),
    Mutant(
        "a confirmation of the password is counted apart",
        "portal/accounts/adapter.py",
        "if self.confirming is not None:\n                self._attempt",
        "if False:\n                self._attempt",
        ("tests/accounts/test_attempts.py::test_wrong_confirmations_leave_the_sign_in_of_the_person_alone",),
    ),
    Mutant(
        "many names from one address: fewer guesses at each",
        "portal/accounts/attempts.py",
        "if _many_names_fail_from(address) else",
        "if False else",
        ("tests/accounts/test_attempts.py::test_address_that_tries_many_names_has_fewer_guesses_at_each",),
    ),
    Mutant(
        "old passwords are counted like others",
        "portal/accounts/forms.py",
        "if not adapter.reauthenticate(self.user, password):",
        "if not self.user.check_password(password):",
        ("tests/accounts/test_attempts.py::test_guesses_at_the_old_password_are_counted_as_confirmations",),
    ),
    Mutant(
        "the cache keeps what has not expired",
        "portal/settings.py",
        '"OPTIONS": {"MAX_ENTRIES": 1_000_000},',
        "",
        ("tests/accounts/test_attempts.py::test_cache_keeps_what_has_not_expired",),
    ),
    Mutant(
        "an event that cannot be told is put off",
        "portal/notifications/dispatch.py",
        "PendingEvent.objects.filter(next_at__lte=Now()).order_by",
        "PendingEvent.objects.order_by",
        ("tests/notifications/test_batches.py::test_event_that_waits_for_its_next_try_is_not_tried_before",),
    ),
    Mutant(
        "notices that may not be told are cleared",
        "portal/notifications/mailer.py",
        "Notification.objects.filter(pk__in=gone).update(mail_at=None, daily=False)",
        "del gone",
        ("tests/notifications/test_batches.py::test_notices_of_changes_a_person_may_no_longer_see_are_cleared",),
    ),
    Mutant(
        "the daily mail is marked after it was sent",
        "portal/notifications/daily_digest.py",
        "if not mine.update(next_at=timezone.now() + _LEASE):",
        "if not mine.update(next_at=next_digest_at(person)):",
        ("tests/notifications/test_batches.py::test_worker_lost_while_it_sends_the_daily_mail_loses_no_mail",),
    ),
    Mutant(
        "notices of a conversation are one",
        "portal/notifications/dispatch.py",
        "talk = talk if notice.kind in CONVERSATION else talk.none()",
        "talk = talk.none()",
        ("tests/notifications/test_batches.py::test_many_comments_are_one_notice_and_few_mails",),
    ),
    Mutant(
        "acts of a person have a limit",
        "portal/accounts/limits.py",
        "    require_room(CountedAct.objects.filter(subject=subject), ACTS[act])\n",
        "",
        ("tests/accounts/test_act_limits.py::test_parallel_acts_of_one_person_do_not_exceed_the_limit",),
    ),
    Mutant(
        "comments are counted",
        "portal/changes/workflow/comments.py",
        'count_act(by, "comment")',
        "pass",
        ("tests/accounts/test_act_limits.py::test_person_who_comments_too_often_keeps_the_text_and_others_may_go_on",),
    ),
    Mutant(
        "evidence packs are counted",
        "portal/audit/views/proof.py",
        '@limit_acts("export")\ndef pack(',
        "def build_evidence_pack(",
        ("tests/accounts/test_act_limits.py::test_auditor_who_exports_too_often_starts_no_further_export",),
    ),
    Mutant(
        "verifications are counted",
        "portal/audit/views/proof.py",
        '@limit_acts("verification")\n',
        "",
        ("tests/accounts/test_act_limits.py::test_auditor_who_verifies_too_often_starts_no_further_verification",),
    ),
    Mutant(
        "retries are counted",
        "portal/changes/workflow/manual_resolution.py",
        '        count_act(by, "retry")\n',
        "",
        ("tests/accounts/test_act_limits.py::test_administrator_who_rechecks_or_retries_too_often_moves_no_change",),
    ),
    Mutant(
        "drafts are counted",
        "portal/changes/workflow/drafts.py",
        '        count_act(by, "automatic draft" if page else "draft")  # locks the user: one save at a time\n',
        "",
        (
            "tests/accounts/test_act_limits.py::test_draft_that_is_one_too_many_is_not_saved_and_its_text_stays_in_the_form",
        ),
    ),
    Mutant(
        "pauses are counted",
        "portal/operations/views.py",
        '        count_act(request.user, "pause")\n',
        "",
        (
            "tests/accounts/test_act_limits.py::test_administrator_who_pauses_too_often_pauses_nothing_and_keeps_the_reason",
        ),
    ),
    Mutant(
        "a thread comes in pages",
        "portal/changes/presenters/comment_threads.py",
        "self.answers[thread][-NEWEST_ANSWERS:] for thread in chosen",
        "self.answers[thread] for thread in chosen",
        (
            "tests/changes/test_comment_pages.py"
            "::test_reader_of_hundreds_of_long_comments_gets_light_pages_that_lead_to_all_of_them",
        ),
    ),
    Mutant(
        "approvers are asked again for a change that went back",
        "portal/notifications/routes.py",
        'Route("change.returned", "again", "it was approved", lambda facts: facts.data.get("from") == "approved"),',
        "",
        (
            "tests/notifications/test_returned.py"
            "::test_requester_and_approvers_who_are_needed_again_learn_that_a_change_went_back",
        ),
    ),
    Mutant(
        "a device is signed out by its own user alone",
        "portal/accounts/devices.py",
        "if data.get(SESSION_KEY) == str(valid.pk) and data.get(HASH_SESSION_KEY) == valid.get_session_auth_hash():",
        "if data.get(SESSION_KEY):",
        ("tests/accounts/test_devices.py::test_device_of_another_person_and_the_own_one_stay_signed_in",),
    ),
    Mutant(
        "a device that is signed out is so at once",
        "portal/accounts/devices.py",
        "            session.delete()\n",
        "",
        ("tests/accounts/test_devices.py::test_signing_out_another_device_ends_it_at_once_pf3",),
    ),
    Mutant(
        "mail that cannot be sent cannot be chosen",
        "portal/notifications/forms.py",
        "disabled=bool(self.mail_obstacle),",
        "",
        ("tests/notifications/test_preferences.py::test_without_a_mail_server_every_mail_control_is_disabled_pf2",),
    ),
    Mutant(
        "an opened change is read",
        "portal/notifications/receivers.py",
        "    inbox.mark_change_read(user, change_id)\n",
        "    del change_id, user\n",
        ("tests/notifications/test_change_entries.py::test_opening_the_change_clears_the_count_n2",),
    ),
)
