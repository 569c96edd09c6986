"""allauth's forms without their placeholders: each field has a label, and a grey word in it reads as a value."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm


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
        if not self.is_bound:
            self.fields["login"].widget.attrs["autofocus"] = True


class PasswordForm(_Labelled, ChangePasswordForm):  # type: ignore[misc]
    """The old password and twice the new one."""


class ConfirmForm(_Labelled, ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""
