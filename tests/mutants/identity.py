"""Defences of the sign-in with an OpenID provider."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CLIENT = "portal/identity/client.py"
_SIGN_IN = "portal/identity/sign_in.py"
_CLAIMS = "tests/identity/test_refused.py::test_token_with_a_wrong_claim_is_refused"
_SIGNATURE = "tests/identity/test_refused.py::test_token_without_a_signature_of_the_provider_is_refused"

IDENTITY = (
    Mutant(
        "ID token: issuer",
        _CLIENT,
        '        "iss": {"essential": True, "value": settings.OIDC_ISSUER},\n',
        "",
        (_CLAIMS,),
    ),
    Mutant(
        "ID token: audience",
        _CLIENT,
        '        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},\n',
        "",
        (_CLAIMS,),
    ),
    Mutant("ID token: subject", _CLIENT, "0 < len(value) <= 255", "len(value) <= 255", (_CLAIMS,)),
    Mutant(
        "ID token: clock",
        _CLIENT,
        "LEEWAY_S = 60",
        "LEEWAY_S = 600",
        ("tests/identity/test_refused.py::test_clock_five_minutes_off_is_refused_and_half_a_minute_is_not",),
    ),
    Mutant("ID token: algorithm", _CLIENT, 'ALGORITHMS = ("RS256",', 'ALGORITHMS = ("none", "RS256",', (_SIGNATURE,)),
    Mutant(
        "discovery: issuer",
        _CLIENT,
        ' or metadata.get("issuer") != settings.OIDC_ISSUER:',
        ":",
        ("tests/identity/test_refused.py::test_discovery_of_another_issuer_or_without_endpoints_is_not_used",),
    ),
    Mutant(
        "code flow: PKCE",
        _CLIENT,
        '"code_challenge_method": "S256", ',
        "",
        ("tests/identity/test_sign_in.py::test_browser_takes_state_nonce_and_a_hashed_verifier_to_the_provider",),
    ),
    Mutant(
        "accounts are linked by issuer and subject",
        _SIGN_IN,
        'ProviderAccount.objects.filter(issuer=settings.OIDC_ISSUER, subject=claims["sub"])',
        'ProviderAccount.objects.filter(subject=claims["sub"])',
        ("tests/identity/test_sign_in.py::test_same_subject_of_another_issuer_is_another_person",),
    ),
    Mutant(
        "a local account is not taken over",
        _SIGN_IN,
        "    if taken:\n",
        "    if False:\n",
        ("tests/identity/test_sign_in.py::test_local_account_of_the_name_in_any_spelling_is_not_taken_over",),
    ),
    Mutant(
        "a switched off account does not sign in",
        _SIGN_IN,
        "if not account.user.is_active:",
        "if False:",
        ("tests/identity/test_sign_in.py::test_switched_off_account_is_refused_on_record",),
    ),
    Mutant(
        "a confirmation is as old as the provider says",
        "portal/accounts/reauthentication.py",
        'record["proved_at"] if record["method"] == PROVIDER_METHOD else record["at"]',
        'record["at"]',
        ("tests/identity/test_confirmation.py::test_sign_in_is_as_recent_as_the_provider_says",),
    ),
    Mutant(
        "a confirmation is by the same user",
        _SIGN_IN,
        "if account is None or account.user != request.user:",
        "if account is None:",
        ("tests/identity/test_confirmation.py::test_another_person_at_the_provider_confirms_nothing",),
    ),
    Mutant(
        "a confirmation was asked for",
        _SIGN_IN,
        "if not asked_at - LEEWAY_S <= auth_time <= time.time() + LEEWAY_S:",
        "if False:",
        ("tests/identity/test_confirmation.py::test_provider_that_did_not_ask_again_confirms_nothing",),
    ),
    Mutant(
        "roles are those of the groups alone",
        "portal/identity/role_mapping.py",
        "user.groups.set(",
        "user.groups.add(*",
        ("tests/identity/test_roles.py::test_role_that_was_given_past_the_provider_ends_at_the_next_sign_in",),
    ),
    Mutant(
        "the console leaves the roles of provider users alone",
        "portal/operations/management/commands/user.py",
        "if user.pk and find_provider_account(user) is not None:",
        "if False:",
        ("tests/identity/test_roles.py::test_console_changes_neither_roles_nor_password_of_a_provider_user",),
    ),
    Mutant(
        "logout token: once",
        "portal/identity/logout_tokens.py",
        'if not cache.add(f"logout-token-{name}", 1, 2 * (_LIFETIME_S + LEEWAY_S)):',
        "if False:",
        ("tests/identity/test_sign_out.py::test_logout_token_is_accepted_once",),
    ),
    Mutant(
        "logout token: no nonce",
        "portal/identity/logout_tokens.py",
        ' or "nonce" in claims:',
        ":",
        ("tests/identity/test_sign_out.py::test_token_that_is_no_logout_token_ends_nothing",),
    ),
    Mutant(
        "passwords switched off: backend",
        "portal/accounts/backends.py",
        '        if not emergency.accepts_password(credentials.get("username") or ""):\n            return None\n',
        "",
        ("tests/identity/test_passwords_off.py::test_backend_itself_compares_no_password",),
    ),
    Mutant(
        "passwords switched off: open sessions",
        "portal/accounts/backends.py",
        "if user is not None and user.has_usable_password() and not emergency.accepts_password(user.username):",
        "if False:",
        ("tests/identity/test_passwords_off.py::test_open_session_of_a_local_user_ends",),
    ),
    Mutant(
        "passwords switched off: demo",
        "portal/devserver/demo_access.py",
        "        or not settings.PASSWORD_SIGN_IN\n",
        "",
        ("tests/identity/test_passwords_off.py::test_no_address_of_the_portal_signs_in",),
    ),
)
