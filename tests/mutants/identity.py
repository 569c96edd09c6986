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
        'if metadata.get("issuer") != settings.OIDC_ISSUER:',
        "if False:",
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
)
