"""URLs of sign-in and account pages.

allauth's views are listed one by one: what the portal does not offer (sign-up, email addresses, a reset that anyone can
ask for) has no URL.
"""

from allauth.account import views as allauth
from allauth.mfa.base.views import authenticate as second_step
from allauth.mfa.recovery_codes.views import generate_recovery_codes, view_recovery_codes
from django.db import transaction
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.decorators import View, require_rights, require_step_up
from portal.accounts.factors import views as factors
from portal.accounts.views import carried_form, language, sign_out_device

# allauth's views would treat a PUT as a POST, and answer OPTIONS.
_page = require_http_methods(["GET", "HEAD", "POST"])


def _manage(view: View, *, needs_factor: bool = True) -> View:
    """Put allauth's view of a factor behind a step-up, and into one transaction with its event."""
    return _page(require_rights(needs_factor=needs_factor)(require_step_up(transaction.atomic(view))))


# No namespace: allauth reverses these names without one.
urlpatterns = [
    path("login/", _page(allauth.login), name="account_login"),
    path("logout/", _page(allauth.logout), name="account_logout"),
    path("inactive/", require_safe(allauth.account_inactive), name="account_inactive"),
    # In one transaction, so that the event is recorded too, or nothing happens.
    path("reauthenticate/", _page(transaction.atomic(allauth.reauthenticate)), name="account_reauthenticate"),
    path("password/change/", _page(transaction.atomic(allauth.password_change)), name="account_change_password"),
    path("second-factor/", factors.second_factor, name="mfa_index"),
    path("second-factor/authenticate/", _page(transaction.atomic(second_step)), name="mfa_authenticate"),
    path("second-factor/confirm/", factors.confirm_identity, name="confirm_identity"),
    path("second-factor/passkey-options/", factors.passkey_options, name="passkey_options"),
    path(
        "second-factor/passkey-sign-in/",
        require_POST(transaction.atomic(factors.PasskeySignInView.as_view())),
        name="mfa_login_webauthn",
    ),
    path(
        "second-factor/passkeys/add/",
        _manage(factors.AddPasskeyView.as_view(), needs_factor=False),
        name="mfa_add_webauthn",
    ),
    path("second-factor/app/add/", _manage(factors.AddAppView.as_view(), needs_factor=False), name="mfa_activate_totp"),
    path("second-factor/<int:factor_id>/remove/", factors.remove_factor, name="remove_factor"),
    path("second-factor/recovery-codes/", require_safe(_manage(view_recovery_codes)), name="mfa_view_recovery_codes"),
    path(
        "second-factor/recovery-codes/generate/", _manage(generate_recovery_codes), name="mfa_generate_recovery_codes"
    ),
    path("form/", carried_form, name="carried_form"),
    path("devices/sign-out/", sign_out_device, name="sign_out_device"),
    # The name that Django documents; POST only, while Django's view answers GET too.
    path("language/", language, name="set_language"),
]
