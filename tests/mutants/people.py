"""Defences of people and their rights: two administrators give a right, and nobody acts on their own."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RULES = "portal/governance/rules.py"
_PROPOSALS = "portal/governance/proposals.py"
_TABLE = "portal/governance/migrations/0001_initial.py"
_CONSOLE = "tests/operations/test_console_proposals.py"
_PAGES = "tests/operations/test_people_pages.py"
_TWO = "tests/governance/test_two_person_rule.py"

PEOPLE = (
    Mutant(
        "nobody decides their own proposal (rule)",
        _PROPOSALS,
        "    _require_party(proposal, by)\n    _forbid_own_proposal(proposal, by)\n    if",
        "    _require_party(proposal, by)\n    if",
        (f"{_TWO}::test_reason_why_a_user_cannot_approve_is_known_before_they_try",),
    ),
    Mutant(
        "nobody decides their own proposal (constraint)",
        _TABLE,
        'models.Q(("decided_by", models.F("proposed_by")), _negated=True),',
        "",
        (f"{_TWO}::test_database_refuses_what_the_code_let_through",),
    ),
    Mutant(
        "nobody decides a proposal about themselves (rule)",
        _PROPOSALS,
        "if proposal.subject_id == by.pk:",
        "if False:",
        (f"{_TWO}::test_administrator_cannot_propose_or_decide_about_themselves",),
    ),
    Mutant(
        "nobody decides a proposal about themselves (constraint)",
        _TABLE,
        'condition=models.Q(("decided_by", models.F("subject")), _negated=True),',
        "condition=models.Q(pk__gt=0),",
        (f"{_TWO}::test_database_refuses_what_the_code_let_through",),
    ),
    Mutant(
        "nobody acts on their own account",
        _RULES,
        "if person.pk == by.pk:",
        "if False:",
        (f"{_TWO}::test_administrator_cannot_propose_or_decide_about_themselves",),
    ),
    Mutant(
        "rights of an administrator are read when they act",
        _RULES,
        "    if not is_entitled(by, right):\n",
        "    if False:\n",
        (f"{_TWO}::test_other_roles_cannot_propose_decide_or_act",),
    ),
    Mutant(
        "acts of governance wait for each other",
        _RULES,
        '        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCK_CLASS])\n',
        '        cursor.execute("SELECT 1")\n',
        (
            f"{_TWO}::test_of_two_decisions_at_once_one_counts",
            f"{_TWO}::test_two_administrators_who_disable_each_other_at_once_leave_one",
        ),
    ),
    Mutant(
        "a proposal is applied to the state that it names",
        _PROPOSALS,
        ".read_state(User.objects.get(pk=subject.pk)) != proposal.old:",
        ".read_state(User.objects.get(pk=subject.pk)) is None:",
        (f"{_TWO}::test_proposal_whose_old_state_changed_past_the_commands_is_not_applied",),
    ),
    Mutant(
        "the proposer still holds the right at the decision",
        _PROPOSALS,
        "if proposer is not None and not rules.is_entitled(proposer, kind_rules.right):",
        "if False:",
        (f"{_TWO}::test_proposal_of_an_administrator_who_lost_the_role_past_the_commands_is_not_applied",),
    ),
    Mutant(
        "a proposal of the console needs a person who proposes it",
        _PROPOSALS,
        "    if proposal.proposed_by is None:\n",
        "    if False:\n",
        (f"{_TWO}::test_proposal_of_the_console_needs_two_administrators",),
    ),
    Mutant(
        "a decision needs a recent password",
        _PROPOSALS,
        "        _require_current(proposal)\n        rules.require_recent_auth(recent_auth)\n",
        "        _require_current(proposal)\n",
        (f"{_TWO}::test_every_act_needs_a_reason_and_a_recent_password",),
    ),
    Mutant(
        "a proposal is never altered",
        "portal/governance/migrations/0002_triggers.py",
        "ALTER TABLE governance_governanceproposal ENABLE ALWAYS TRIGGER proposal_never_altered;",
        "ALTER TABLE governance_governanceproposal DISABLE TRIGGER proposal_never_altered;",
        (
            f"{_TWO}::test_database_refuses_what_the_code_let_through",
            f"{_TWO}::test_database_keeps_decided_proposals_and_takes_none_that_is_decided_already",
        ),
    ),
    Mutant(
        "acts on people are limited",
        "portal/operations/people_views.py",
        '@limit_acts("governance")\ndef disable_user',
        "def disable_user",
        (f"{_PAGES}::test_acts_on_people_are_limited",),
    ),
    Mutant(
        "sessions end when an account is disabled",
        "portal/governance/people.py",
        "    sessions.end_all_sessions(person)\n",
        "",
        (f"{_PAGES}::test_disabled_persons_sessions_end_with_the_next_request_pe3",),
    ),
    Mutant(
        "the console gives rights only while there are fewer than two administrators",
        "portal/governance/people.py",
        "settings.CONSOLE_GIVES_RIGHTS or len(administrators) < 2",
        "True",
        (f"{_CONSOLE}::test_console_makes_the_first_two_administrators_and_then_proposes",),
    ),
    Mutant(
        "the console enables an account only while there are fewer than two administrators",
        "portal/governance/people.py",
        "if person.is_active or _console_gives_rights():",
        "if True:",
        (f"{_CONSOLE}::test_console_disables_at_once_and_proposes_to_enable",),
    ),
    Mutant(
        "production refuses a console that gives rights",
        "portal/settings.py",
        "if CONSOLE_GIVES_RIGHTS and not PORTAL_DEMO:",
        "if False:",
        (f"{_CONSOLE}::test_production_does_not_start_with_a_console_that_gives_rights",),
    ),
)
