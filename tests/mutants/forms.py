"""Defences of the forms that people fill in."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

FORMS = (
    Mutant(
        "users who proposed a change do not see which client secret was found",
        "portal/changes/presenters/three_way.py",
        "shows_secret = not guards.is_own_change(change, reader)",
        "shows_secret = True",
        ("tests/changes/test_three_way.py::test_found_client_secret_is_told_to_others_than_its_requester",),
    ),
    Mutant(
        "the live difference leaves the client secret in the browser",
        "templates/changes/_live_preview.html",
        'hx-params="not client_secret"',
        'hx-params="*"',
        ("tests/browser/test_propose_live.py::test_typed_client_secret_stays_in_the_browser_until_the_review",),
    ),
    Mutant(
        "a confirmation is of the revision that was shown",
        "portal/changes/forms/decision.py",
        'if field_name in ("confirmed", "reason") else',
        'if field_name == "reason" else',
        (
            "tests/changes/test_ballot_binding.py"
            "::test_approver_who_confirmed_an_earlier_revision_has_not_confirmed_this_one",
        ),
    ),
    Mutant(
        "a comment is on the revision that was shown",
        "portal/changes/forms/decision.py",
        'if field_name in ("confirmed", "reason") else',
        'if field_name == "confirmed" else',
        (
            "tests/changes/test_ballot_binding.py"
            "::test_comment_on_an_earlier_revision_is_no_reason_for_a_vote_on_this_one",
        ),
    ),
    Mutant(
        "a form goes back to its own user only",
        "portal/accounts/typed_forms.py",
        "return bool(owner) and (user_id is None or owner == str(user_id))",
        "return bool(owner)",
        ("tests/changes/test_typed_text.py::test_another_user_gets_nothing_of_what_was_typed",),
    ),
    Mutant(
        "a form that was sent signed out comes back to its own user only",
        "portal/accounts/carried_forms.py",
        'return f"carried form|{owner}".encode()',
        'return b"carried form"',
        ("tests/changes/test_typed_text.py::test_form_sent_signed_out_gives_another_user_nothing_g7",),
    ),
    Mutant(
        "a form of an earlier session decides nothing",
        "portal/changes/views/change.py",
        "        form.add_error(None, expired_sentence())\n        return False\n",
        "        form.add_error(None, expired_sentence())\n        return valid\n",
        ("tests/changes/test_typed_text.py::test_vote_of_an_earlier_session_decides_nothing_and_keeps_its_comment",),
    ),
    Mutant(
        "a client secret never comes back",
        "portal/accounts/typed_forms.py",
        '"client_secret", "value")',
        '"value")',
        (
            "tests/changes/test_typed_text.py"
            "::test_proposal_form_of_an_earlier_session_comes_back_with_its_text_and_without_the_secret",
        ),
    ),
    Mutant(
        "a key without its line ends is not stored",
        "portal/changes/forms/fields.py",
        "        _refuse_flattened(text)\n",
        "",
        ("tests/changes/test_secret_value.py::test_key_that_lost_its_line_ends_is_refused_and_nothing_of_it_kept",),
    ),
    Mutant(
        "a client secret holds nothing that cannot be seen",
        "portal/changes/forms/fields.py",
        'passing="\\n", strict=True)',
        'passing="\\n")',
        ("tests/changes/test_secret_value.py::test_character_that_nobody_can_see_is_refused_in_a_client_secret",),
    ),
    Mutant(
        "a placeholder is asked about",
        "portal/changes/forms/proposal.py",
        "elif self._is_doubtful(mode) and",
        "elif False and",
        ("tests/changes/test_secret_value.py::test_requester_is_asked_whether_a_placeholder_is_really_the_value",),
    ),
    Mutant(
        "nothing is sent to an impossible address",
        "portal/changes/forms/fields.py",
        "        if wrong:\n",
        "        if False:\n",
        (
            "tests/changes/test_plausible_values.py"
            "::test_requester_cannot_propose_an_address_that_nothing_can_be_sent_to",
        ),
    ),
    Mutant(
        "a list names each name once",
        "portal/changes/forms/shares.py",
        "        self._refuse_same_names(names)\n",
        "",
        ("tests/changes/test_plausible_values.py::test_requester_cannot_share_with_two_spellings_of_one_name",),
    ),
    Mutant(
        "an error page keeps what was typed",
        "templates/_error.html",
        "{% send_again %}\n",
        "",
        ("tests/web/test_typed_text.py::test_error_page_keeps_what_was_typed_and_sends_it_again",),
    ),
    Mutant(
        "an error page keeps no secret",
        "portal/accounts/typed_forms.py",
        "return [] if typed is None else list(without_secrets(typed).lists())",
        "return [] if typed is None else list(typed.lists())",
        ("tests/web/test_typed_text.py::test_error_page_keeps_what_was_typed_and_sends_it_again",),
    ),
    Mutant(
        "an error page gives what was typed to its own user only",
        "portal/web/templatetags/portal_ui.py",
        "typed_again(request, user.pk) if",
        "typed_again(request, None) if",
        ("tests/web/test_typed_text.py::test_error_page_shows_nothing_of_what_another_user_typed",),
    ),
    Mutant(
        "a template has one name in every spelling",
        "portal/common/name_folding.py",
        "same = [row for row in rows if fold_name(row.name) == key]",
        "same = [row for row in rows if row.name == name and key]",
        (
            "tests/changes/test_templates.py"
            "::test_requester_who_keeps_a_name_in_another_spelling_has_one_template_of_it",
        ),
    ),
    Mutant(
        "a reason without words is told as such",
        "portal/changes/domain/plausibility.py",
        "len(letters) < _FEW_LETTERS or ",
        "",
        ("tests/changes/test_plausible_values.py::test_preview_says_that_a_reason_says_very_little",),
    ),
)
