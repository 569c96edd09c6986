"""Sign-in forms of allauth, and the base of forms that need a recent authentication.

allauth's forms lose their placeholders: each field has a label, and a grey word in a field looks like a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.accounts import reauthentication
from portal.accounts.factors import confirmation, passkeys
from portal.accounts.factors.inventory import APP, PASSKEY, list_factor_types
from portal.accounts.reauthentication import Confirmation, RecentAuth

EXACT = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}
"""Widget attributes for a text that must stay as typed: phone keyboards would change it without notice."""
_PROOFS = ("password", "confirm_code", "confirm_passkey")


class _Labelled:
    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignInForm(_Labelled, LoginForm):  # type: ignore[misc]
    """Form for name and password; the field to fill in next gets the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= EXACT
        # After a failed attempt the name is kept, so the password is next.
        first = "password" if self.is_bound and self.data.get("login") else "login"
        self.fields[first].widget.attrs["autofocus"] = True


class PasswordForm(_Labelled, ChangePasswordForm):  # type: ignore[misc]
    """Form for the old password and, twice, the new one."""

    def clean_oldpassword(self) -> str:
        """Count and log wrong guesses of the old password like those of a sign-in."""
        password: str = self.cleaned_data["oldpassword"]
        adapter = get_adapter()
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


class PasswordConfirmForm(_Labelled, ReauthenticateForm):  # type: ignore[misc]
    """Form for the password of a signed-in user."""


class RecentAuthForm(forms.Form):
    """Form of an act that needs a recent authentication: it asks for one if the last one is too old.

    It asks on the same page, so that no input is lost, and never writes a password back into a page. A user with a
    passkey or an authenticator app confirms with it, a user of the OpenID provider there, any other with the password.
    The field `password` is there whenever the form asks, whatever for: it carries the errors. `recent_auth` is the
    user's authentication after the form is cleaned; the act itself enforces the rule, also for an empty password.
    """

    password = forms.CharField(
        label=_("Your password"),
        required=False,
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    confirm_code = forms.CharField(
        label=_("Code from your authenticator app"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    confirm_passkey = forms.CharField(required=False, max_length=passkeys.LARGEST, widget=forms.HiddenInput)

    accepts_recovery = False
    """Whether a recovery code confirms: only where a lost factor is replaced."""

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, **options: Any) -> None:
        super().__init__(data, **options)
        self._request = request
        self._wrong_proof = False
        self.recent_auth = reauthentication.get_recent_auth(request)
        asked, code, passkey = (self.fields.pop(name) for name in _PROOFS)
        if not self.needs_confirmation():
            return
        asked.help_text = _last_entered(settings.ACCOUNT_REAUTHENTICATION_TIMEOUT // 60)
        self.fields["password"] = asked  # last, below the fields of the act
        if self.confirms_with != Confirmation.PASSWORD:
            asked.label = _("Confirmation")  # the template shows other controls instead of the field
        if self.confirms_with == Confirmation.SECOND_FACTOR:
            types = list_factor_types(request.user)
            if APP in types or self.accepts_recovery:
                self.fields["confirm_code"] = code
            if PASSKEY in types:
                self.fields["confirm_passkey"] = passkey

    def needs_confirmation(self) -> bool:
        """Return whether the form asks for an authentication."""
        return not self.recent_auth.fresh

    @property
    def confirms_with(self) -> Confirmation:
        """Way in which the user confirms."""
        return reauthentication.find_confirmation(self._request)

    def clean(self) -> dict[str, Any]:
        super().clean()
        confirm = self._find_proof()
        if confirm is not None:
            try:
                self.recent_auth = confirm()
            except ValidationError as refusal:
                self._wrong_proof = True
                self.add_error("password", refusal)
            else:
                self._stop_asking()
        return self.cleaned_data

    def _find_proof(self) -> Callable[[], RecentAuth] | None:
        """Return the check of what the user sent to confirm; None if there is nothing."""
        password, code, passkey = (self.cleaned_data.get(name) or "" for name in _PROOFS)
        if passkey:
            return lambda: confirmation.confirm_passkey(self._request, passkey)
        if code:
            return lambda: confirmation.confirm_code(self._request, code, accepts_recovery=self.accepts_recovery)
        if password and self.confirms_with != Confirmation.SECOND_FACTOR:
            return lambda: reauthentication.confirm_password(self._request, password)
        return None

    def accept_extended_auth(self) -> None:
        """Stop asking if accepted votes have extended the last authentication, unless what was sent was wrong.

        For votes on changes of low or medium risk.
        """
        if self.recent_auth.extended and not self._wrong_proof:
            self._stop_asking()

    def _stop_asking(self) -> None:
        for name in _PROOFS:
            self.fields.pop(name, None)


class StepUpForm(RecentAuthForm):
    """Form of the page that confirms a user before they change how they sign in, whenever they last did so."""

    accepts_recovery = True

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="step-up-%s")
        if "password" in self.fields:
            self.fields["password"].help_text = ""
        if "confirm_code" in self.fields:
            self.fields["confirm_code"].label = _("Code from your authenticator app, or a recovery code")
            self.fields["confirm_code"].widget.attrs.pop("inputmode")

    def needs_confirmation(self) -> bool:
        """Return whether the form asks: the sign-in does not count here."""
        return not reauthentication.has_stepped_up(self._request)


def _last_entered(minutes: int) -> str:
    return ngettext(
        "You last entered it more than %(minutes)d minute ago.",
        "You last entered it more than %(minutes)d minutes ago.",
        minutes,
    ) % {"minutes": minutes}
