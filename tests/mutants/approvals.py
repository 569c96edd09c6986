"""Defences of votes: who casts them, what proves them, and until when they count."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_PROOF = "portal/changes/approvals/approval_proof.py"
_PROVED = "tests/changes/test_proved_votes.py"
_LOST = "tests/changes/test_lost_rights.py"
_EXTENDED = "tests/changes/test_extended_auth.py"

APPROVALS = (
    Mutant(
        "an approval says what its voter showed",
        "portal/changes/workflow/review.py",
        "    recent_auth: RecentAuth,\n    review_proof: ReviewProof,\n",
        "    recent_auth: RecentAuth = RecentAuth(True),\n    review_proof: ReviewProof = ReviewProof(True, True),\n",
        ("tests/changes/test_required_arguments.py::test_act_without_what_its_user_showed_does_nothing",),
    ),
    Mutant(
        "a vote on high risk needs a password of the last minutes",
        "portal/changes/rules/guards.py",
        "if high_risk or not recent_auth.extended:",
        "if not recent_auth.extended:",
        (f"{_EXTENDED}::test_high_risk_vote_six_minutes_after_the_password_asks_in_queue_and_for_every_verdict_q9",),
    ),
    Mutant(
        "votes extend a password up to an hour",
        "portal/accounts/reauthentication.py",
        "not fresh and _is_within(last, settings.REAUTHENTICATION_LATEST_S) and",
        "not fresh and",
        (f"{_EXTENDED}::test_votes_extend_the_password_up_to_an_hour",),
    ),
    Mutant(
        "a vote extends the password of its own user only",
        "portal/accounts/reauthentication.py",
        """if not vote or vote["user"] != request.user.pk:""",
        "if not vote:",
        (f"{_EXTENDED}::test_vote_of_another_user_in_the_session_extends_nothing",),
    ),
    Mutant(
        "a vote on high risk extends nothing",
        "portal/changes/views/recent_votes.py",
        "if voted.risk < RiskLevel.HIGH:",
        "if True:",
        (f"{_EXTENDED}::test_votes_on_high_risk_and_refused_votes_extend_nothing",),
    ),
    Mutant(
        "a policy asks for one approval at least",
        "portal/changes/domain/policy.py",
        "not 1 <= required <= MOST",
        "not required <= MOST",
        (f"{_PROVED}::test_approved_change_is_not_sent_under_a_policy_that_was_altered",),
    ),
    Mutant(
        "a vote has a MAC",
        _PROOF,
        " and vote_mac.is_vote_mac(vote, entry.actor):",
        ":",
        (f"{_PROVED}::test_vote_that_nobody_cast_is_never_counted",),
    ),
    Mutant(
        "a vote has its event",
        _PROOF,
        "    for place, entry in enumerate(log):\n        said",
        "    if vote_mac.is_vote_mac(vote, vote.voter.username):\n        return 0\n"
        "    for place, entry in enumerate(log):\n        said",
        (f"{_PROVED}::test_row_of_a_vote_is_not_enough_without_its_event",),
    ),
    Mutant(
        "a vote of before an end is no licence",
        _PROOF,
        "        if entry.action in ENDED_FOR_GOOD or closed_as_applied:\n            raise Tampered\n",
        "",
        (f"{_PROVED}::test_old_vote_is_no_licence_after_the_log_tells_of_an_end",),
    ),
    Mutant(
        "a retry is an act of a user",
        _PROOF,
        "    if not vote_mac.is_act_proved(entry.action, change, entry.actor, entry.data):\n        return False\n",
        "    if 'acted_at' not in entry.data:\n        return False\n",
        (f"{_PROVED}::test_retry_that_nobody_asked_for_is_not_sent",),
    ),
    Mutant(
        "the deadline is that of the votes",
        "portal/changes/delivery/verified_patch.py",
        "    if policy.approval_deadline(proof.approved_at) <= proof.proved_at:\n        raise Lapsed\n",
        "",
        (f"{_PROVED}::test_deadline_is_that_of_the_votes_whatever_the_row_says",),
    ),
    Mutant(
        "the rights of the voters are asked for right before sending",
        "portal/changes/delivery/deliver.py",
        "        if not valid_votes.has_enough_rights(change, revision):",
        "        if False:",
        (f"{_LOST}::test_delivery_gives_back_a_change_whose_voter_lost_the_right_unseen",),
    ),
    Mutant(
        "a lost right voids votes at once",
        "portal/changes/workflow/vote_reevaluation.py",
        'rights_changed.connect(on_rights_changed, dispatch_uid="recount_votes")\n',
        "",
        (f"{_LOST}::test_approved_change_returns_to_pending_with_its_first_deadline",),
    ),
    Mutant(
        "a voided vote stays void",
        "portal/changes/migrations/0002_triggers.py",
        "OLD.voided_at IS NULL AND ",
        "",
        (f"{_LOST}::test_database_voids_a_vote_once_and_alters_nothing_else",),
    ),
    Mutant(
        "a limit counts under a lock",
        "portal/accounts/user_lock.py",
        "SELECT pg_advisory_xact_lock(%s, %s)",
        "SELECT %s, %s",
        ("tests/changes/test_limits_at_once.py::test_requester_submits_no_more_than_the_limit",),
    ),
    Mutant(
        "the mark of a page is its reader's",
        "portal/changes/domain/review_proof.py",
        '_SIGNER.signature(f"{reader}.{revision}.{digest}")',
        '_SIGNER.signature(f"{revision}.{digest}")',
        ("tests/changes/test_queue_risk.py::test_approver_cannot_use_the_mark_of_another_approver",),
    ),
)
