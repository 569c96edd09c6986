"""Defences of invitations, of links to choose a password, and of the emergency account."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_LINKS = "portal/governance/password_links.py"
_ADDING = "portal/governance/invitations.py"
_TESTS = "tests/governance/test_invitations.py"
_EMERGENCY = "tests/identity/test_emergency_account.py"

INVITATIONS = (
    Mutant(
        "a link ends with a newer one",
        _LINKS,
        "{link.pk if link else ''}",
        "",
        (f"{_TESTS}::test_newer_link_ends_the_earlier_one",),
    ),
    Mutant(
        "a link works where an administrator has asked for it",
        _LINKS,
        " and find_unused_link(user) is not None",
        "",
        (f"{_TESTS}::test_password_link_without_a_request_of_an_administrator_does_not_exist",),
    ),
    Mutant(
        "a link sets one password",
        _LINKS,
        '    link.used_at = Now()\n    link.save(update_fields=["used_at"])\n',
        "",
        (f"{_TESTS}::test_of_two_passwords_chosen_with_one_link_at_once_one_counts",),
    ),
    Mutant(
        "a link of a disabled account is worth nothing",
        _LINKS,
        "    if not person.is_active:\n",
        "    if False:\n",
        (f"{_TESTS}::test_link_ends_when_the_account_changes",),
    ),
    Mutant(
        "a link ends after 24 hours",
        "portal/settings.py",
        "PASSWORD_RESET_TIMEOUT = 24 * 3600",
        "PASSWORD_RESET_TIMEOUT = 72 * 3600",
        (f"{_TESTS}::test_link_ends_after_24_hours",),
    ),
    Mutant(
        "a chosen password ends all sessions",
        _LINKS,
        "    sessions.end_all_sessions(current)\n    data",
        "    data",
        (f"{_TESTS}::test_chosen_password_deletes_all_sessions",),
    ),
    Mutant(
        "administrators alone send links",
        _LINKS,
        "        rules.require_entitled(by)\n",
        "",
        (f"{_TESTS}::test_only_administrators_add_people_and_send_links_and_never_to_themselves",),
    ),
    Mutant(
        "administrators send themselves no link",
        _LINKS,
        "        rules.forbid_own_rights(person, by)\n",
        "",
        (f"{_TESTS}::test_only_administrators_add_people_and_send_links_and_never_to_themselves",),
    ),
    Mutant(
        "a person is added without a right",
        _ADDING,
        "        return proposals.file_proposal(\n",
        "        from portal.governance.people import add_roles\n\n"
        "        add_roles(account, codes, actor=by.username)\n"
        "        return proposals.file_proposal(\n",
        (f"{_TESTS}::test_person_who_is_added_gets_the_link_and_has_no_right_until_a_second_administrator_approves",),
    ),
    Mutant(
        "an address is of one account",
        _ADDING,
        "    if other is not None:\n",
        "    if False:\n",
        (f"{_TESTS}::test_name_or_address_of_another_account_is_refused",),
    ),
    Mutant(
        "a session ends 12 hours after the sign-in",
        "portal/settings.py",
        '    "portal.accounts.devices.SessionEndMiddleware",\n',
        "",
        (
            "tests/accounts/test_session_end.py::test_session_ends_twelve_hours_after_the_sign_in_however_often_it_is_used",
        ),
    ),
    Mutant(
        "one local account alone is the emergency account",
        "portal/accounts/emergency.py",
        "fold_username(username) == fold_username(settings.EMERGENCY_ACCOUNT)",
        "True",
        (f"{_EMERGENCY}::test_no_other_local_account_signs_in",),
    ),
    Mutant(
        "each use of the emergency account is an event",
        "portal/audit/auth_events.py",
        "    if is_emergency_account(user):\n",
        "    if False:\n",
        (f"{_EMERGENCY}::test_emergency_account_signs_in_and_every_use_is_an_event_and_told_to_all_administrators",),
    ),
)
