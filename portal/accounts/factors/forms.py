"""Forms of the second factor: the second step of a sign-in, the sign-in with a passkey, and adding a factor."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import validate_totp_code
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm, LoginWebAuthnForm
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts.factors import confirmation, passkeys, pending_app
from portal.accounts.factors.inventory import APP, RECOVERY_CODES
from portal.accounts.models import User

_CODE = {"autocomplete": "one-time-code", "spellcheck": "false"}


class SignInCodeForm(AuthenticateForm):  # type: ignore[misc]
    """Form for a code as the second step of a sign-in. Limits are the portal's own, as for passwords."""

    code = forms.CharField(
        label=_("Code from your authenticator app, or a recovery code"),
        max_length=20,
        widget=forms.TextInput(attrs={**_CODE, "autofocus": True}),
    )

    def clean_code(self) -> str:
        """Accept a code of an app or a recovery code, each once. Raises ValidationError, which is logged."""
        code: str = self.cleaned_data["code"]
        attempt = confirmation.reserve_code(context.request, self.user)
        self.authenticator = confirmation.find_by_code(self.user, code, (APP, RECOVERY_CODES))
        if self.authenticator is None:
            raise confirmation.refuse_code(context.request, self.user, code)
        attempt.delete()
        return code


class SignInPasskeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]
    """Form for a passkey as the second step of a sign-in."""

    def clean_credential(self) -> Authenticator:
        """Return the passkey that signed the challenge. Raises ValidationError, which is logged."""
        try:
            return passkeys.complete_assertion(self.user, self.cleaned_data["credential"])
        except ValidationError as refusal:
            confirmation.report_failure(context.request, self.user, str(refusal.code))
            raise


class PasskeyOnlyForm(LoginWebAuthnForm):  # type: ignore[misc]
    """Form for a sign-in with a passkey alone, which proves possession and, by its PIN, knowledge."""

    def clean_credential(self) -> Authenticator:
        """Return the passkey that signed the challenge. Raises ValidationError, which is logged."""
        unknown = User()
        try:
            passkey = passkeys.complete_assertion(None, self.cleaned_data["credential"])
            if passkey.user.is_demo and not settings.PORTAL_DEMO:
                unknown = passkey.user
                raise ValidationError(
                    _("This passkey was not accepted. Nothing was done. Try again, or use another one."),
                    code="demo account outside the demo",
                )
        except ValidationError as refusal:
            confirmation.report_failure(context.request, unknown, str(refusal.code))
            raise
        return passkey


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """Form for a new passkey and its name. Every passkey verifies its user, so none is called passwordless."""

    passwordless = None
    name = forms.CharField(
        label=_("Name"),
        help_text=_("To tell your passkeys apart, for example the device that stores it."),
        required=False,
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        with passkeys.refused_credentials():
            if credential := self.cleaned_data.get("credential"):
                passkeys.require_own_origin(credential)
            cleaned: dict[str, Any] = super().clean()
        return cleaned


class AddAppForm(forms.Form):
    """Form for the first code of a new authenticator app. `secret` waits in the session until then, encrypted."""

    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=10,
        widget=forms.TextInput(attrs={**_CODE, "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.secret = pending_app.load_secret(context.request, renew=not self.is_bound)

    def clean_code(self) -> str:
        """Accept the present code. Raises ValidationError, which is logged."""
        code: str = self.cleaned_data["code"]
        attempt = confirmation.reserve_code(context.request, self.user)
        if not validate_totp_code(self.secret, code):
            raise confirmation.refuse_code(context.request, self.user, code)
        attempt.delete()
        return code
