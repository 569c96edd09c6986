"""Defences of the forms that people fill in."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

FORMS = (
    Mutant(
        "a confirmation is of the revision that was shown",
        "portal/changes/forms/ballot.py",
        'if field_name in ("confirmed", "reason") else',
        'if field_name == "reason" else',
        (
            "tests/changes/test_ballot_binding.py"
            "::test_approver_who_confirmed_an_earlier_revision_has_not_confirmed_this_one",
        ),
    ),
    Mutant(
        "a comment is on the revision that was shown",
        "portal/changes/forms/ballot.py",
        'if field_name in ("confirmed", "reason") else',
        'if field_name == "confirmed" else',
        (
            "tests/changes/test_ballot_binding.py"
            "::test_comment_on_an_earlier_revision_is_no_reason_for_a_vote_on_this_one",
        ),
    ),
)
