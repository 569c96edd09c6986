"""Defences of second factors and of confirmations."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_AUTH = "portal/accounts/reauthentication.py"
_REQUIREMENT = "portal/accounts/factors/requirement.py"
_PASSKEYS = "portal/accounts/factors/passkeys.py"
_CONFIRMATION = "portal/accounts/factors/confirmation.py"
_PROVIDER = "portal/identity/provider_factor.py"
_ROUTES = "tests/accounts/test_factor_required.py::test_no_route_opens_without_the_factor"
_STOLEN = "tests/accounts/test_step_up.py::test_stolen_session_cannot_add_a_factor_even_right_after_the_sign_in"
_FORGED = "tests/accounts/test_step_up.py::test_passkey_that_does_not_fit_confirms_nothing"

FACTORS = (
    Mutant(
        "second factor: no page without it",
        "portal/accounts/decorators.py",
        "if needs_factor and is_factor_missing(request):",
        "if False:",
        (_ROUTES,),
    ),
    Mutant(
        "second factor: no right without it",
        "portal/accounts/factors/middleware.py",
        "if is_factor_missing(request):",
        "if False:",
        ("tests/accounts/test_factor_required.py::test_middleware_leaves_a_closed_session_no_right",),
    ),
    Mutant(
        "second factor: the last one stays",
        _REQUIREMENT,
        "    if not needs_second_factor(user):\n        return True\n",
        "    return True\n",
        ("tests/accounts/test_factor_required.py::test_last_factor_of_a_role_that_needs_one_stays",),
    ),
    Mutant(
        "second factor: one removal after the other",
        _REQUIREMENT,
        "    lock_user(user)\n",
        "",
        ("tests/accounts/test_factor_required.py::test_two_removals_at_once_leave_one",),
    ),
    Mutant(
        "second factor: on in production",
        "portal/settings.py",
        '[] if PORTAL_DEMO else ["approver", "auditor", "administrator"],',
        "[],",
        ("tests/accounts/test_factor_required.py::test_production_needs_it_for_three_roles_and_the_demo_for_none",),
    ),
    Mutant(
        "second factor: adding one needs a step-up",
        "portal/accounts/decorators.py",
        "        if has_stepped_up(request):\n",
        "        if True:\n",
        (_STOLEN,),
    ),
    Mutant(
        "step-up: the sign-in does not count",
        _AUTH,
        'again = [record for record in records if record.get("reauthenticated")]',
        "again = list(records)",
        (_STOLEN,),
    ),
    Mutant(
        "step-up: nothing less than the factor of the user",
        _AUTH,
        "        again = list(filter(opens_session, again))\n",
        "        pass\n",
        ("tests/accounts/test_step_up.py::test_step_up_of_a_user_with_a_factor_takes_no_password",),
    ),
    Mutant(
        "confirmation: nothing less than the session has shown",
        _AUTH,
        "return strong if strong or any(map(opens_session, records)) else records",
        "return records",
        ("tests/accounts/test_step_up.py::test_password_confirms_no_user_who_has_a_second_factor",),
    ),
    Mutant(
        "confirmation: no recovery code",
        _AUTH,
        "return strong if strong or any(map(opens_session, records)) else records",
        "return strong or records",
        ("tests/accounts/test_step_up.py::test_recovery_code_beside_a_fresh_password_does_not_count_either",),
    ),
    Mutant(
        "confirmation: no typed recovery code",
        _CONFIRMATION,
        "types = (APP, RECOVERY_CODES) if accepts_recovery else (APP,)",
        "types = (APP, RECOVERY_CODES)",
        ("tests/accounts/test_step_up.py::test_typed_recovery_code_is_refused_and_not_used_up",),
    ),
    Mutant(
        "codes: limit of guesses",
        "portal/accounts/attempts.py",
        'return _reserve("code", person)',
        'return CountedAct.objects.create(subject="none")',
        ("tests/accounts/test_second_factor.py::test_guesses_at_codes_meet_a_limit_of_their_own",),
    ),
    Mutant(
        "passkey: own origin",
        _PASSKEYS,
        'if client_data["origin"] != f"{base.scheme}://{base.netloc}":',
        "if False:",
        ("tests/accounts/test_second_factor.py::test_passkey_that_is_not_of_this_page_is_not_added",),
    ),
    Mutant(
        "passkey: PIN or biometrics",
        "portal/settings.py",
        'MFA_WEBAUTHN_USER_VERIFICATION = "required"',
        'MFA_WEBAUTHN_USER_VERIFICATION = "preferred"',
        (_FORGED,),
    ),
    Mutant(
        "passkey: site of the base URL",
        "portal/accounts/factors/adapter.py",
        '{"id": urlsplit(settings.BASE_URL).hostname or "", "name": _NAME}',
        "super().get_public_key_credential_rp_entity()",
        (
            "tests/accounts/test_second_factor.py::test_name_of_the_site_is_that_of_the_base_url_and_not_of_the_host_header",
        ),
    ),
    Mutant(
        "passkey: no sign-in past the provider",
        "portal/accounts/factors/views.py",
        "        if settings.OIDC_ISSUER:\n            raise Http404\n        response",
        "        response",
        ("tests/accounts/test_second_factor.py::test_passkey_signs_nobody_in_past_a_provider",),
    ),
    Mutant(
        "app: encrypted secret",
        "portal/accounts/factors/adapter.py",
        "        return base64.b64encode(keyring.get_keyring().encrypt(text.encode(), PLACE)).decode()",
        "        return text",
        ("tests/accounts/test_second_factor.py::test_app_is_added_by_its_first_code_and_its_secret_rests_encrypted",),
    ),
    Mutant(
        "provider: a missing claim shows no factor",
        _PROVIDER,
        "return accepted or not methods.isdisjoint(settings.OIDC_ACCEPTED_AMR)",
        "return accepted or amr is None or not methods.isdisjoint(settings.OIDC_ACCEPTED_AMR)",
        ("tests/identity/test_provider_factor.py::test_without_an_accepted_claim_the_session_stays_closed",),
    ),
    Mutant(
        "provider: a confirmation is not weaker than the sign-in",
        "portal/identity/sign_in.py",
        "if has_second_factor_of_provider(request) and not has_factor:",
        "if False:",
        ("tests/identity/test_provider_factor.py::test_confirmation_with_less_than_the_sign_in_had_is_refused",),
    ),
)
