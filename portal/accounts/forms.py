"""Sign-in forms of allauth, and the base of forms that need a recent authentication.

allauth's forms lose their placeholders: each field has a label, and a grey word in a field looks like a value.
"""

from __future__ import annotations

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

EXACT = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}
"""Widget attributes for a text that must stay as typed: phone keyboards would change it without notice."""


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
    """Form of an act that needs a recent authentication: it asks for the password if the last one is too old.

    It asks on the same page, so that no input is lost, and never writes a password back into a page. `recent_auth` is
    the user's authentication after the form is cleaned; the act itself enforces the rule, also for an empty password.
    """

    password = forms.CharField(
        label=_("Your password"),
        required=False,
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, **options: Any) -> None:
        super().__init__(data, **options)
        self._request = request
        self._wrong_password = False
        self.recent_auth = reauthentication.get_recent_auth(request)
        asked = self.fields.pop("password")
        asked.help_text = _last_entered(settings.ACCOUNT_REAUTHENTICATION_TIMEOUT // 60)
        if not self.recent_auth.fresh:
            self.fields["password"] = asked  # last, below the fields of the act
            if reauthentication.uses_provider(request):
                asked.label = _("Confirmation")  # the template shows a button instead of the field

    def clean(self) -> dict[str, Any]:
        super().clean()
        password = self.cleaned_data.get("password")
        if password:
            try:
                self.recent_auth = reauthentication.confirm_password(self._request, password)
            except ValidationError as refusal:
                self._wrong_password = True
                self.add_error("password", refusal)
            else:
                del self.fields["password"]
        return self.cleaned_data

    def accept_extended_auth(self) -> None:
        """Drop the question for the password if accepted votes have extended the last one; keep one that was wrong.

        For votes on changes of low or medium risk.
        """
        if self.recent_auth.extended and not self._wrong_password:
            self.fields.pop("password", None)


def _last_entered(minutes: int) -> str:
    return ngettext(
        "You last entered it more than %(minutes)d minute ago.",
        "You last entered it more than %(minutes)d minutes ago.",
        minutes,
    ) % {"minutes": minutes}
