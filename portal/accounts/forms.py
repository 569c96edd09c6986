"""Signing in by allauth's forms, and the form of acts that need the person to be there.

allauth's without their placeholders: each field has a label, and a grey word in it reads as a value.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from portal.accounts import reauthentication

EXACT = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}
"""Of a text that counts letter by letter: keyboards of phones would alter it, and say so nowhere."""


class _Labelled:
    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignInForm(_Labelled, LoginForm):  # type: ignore[misc]
    """Name and password; the first thing on the page to type into."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= EXACT
        if not self.is_bound:
            self.fields["login"].widget.attrs["autofocus"] = True


class PasswordForm(_Labelled, ChangePasswordForm):  # type: ignore[misc]
    """The old password and twice the new one."""

    def clean_oldpassword(self) -> str:
        """Count and log guesses at the old password as every other comparison of one."""
        password: str = self.cleaned_data["oldpassword"]
        adapter = get_adapter()
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


class PasswordConfirmForm(_Labelled, ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""


class RecentAuthForm(forms.Form):
    """What only somebody who is there may send: it asks for their password where they gave it too long ago.

    In place, so that nothing typed is lost, and with a password that is never written back into a page. `presence`
    is that of the person once the form is cleaned; the rule is with the act itself, which an empty field leads to.
    """

    password = forms.CharField(
        label=_("Your password"),
        help_text=_("To show that it is you: you last entered it more than five minutes ago."),
        required=False,
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, **options: Any) -> None:
        super().__init__(data, **options)
        self._request = request
        self.presence = reauthentication.get_recent_auth(request)
        asked = self.fields.pop("password")
        if not self.presence.fresh:
            self.fields["password"] = asked  # below what it is about

    def clean(self) -> dict[str, Any]:
        super().clean()
        password = self.cleaned_data.get("password")
        if password:
            try:
                self.presence = reauthentication.confirm_password(self._request, password)
            except ValidationError as refusal:
                self.add_error("password", refusal)
            else:
                del self.fields["password"]
        return self.cleaned_data
