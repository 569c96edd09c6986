"""Forms of acts on people and of decisions on proposals. Each asks for the password if the last one is too old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.forms import EXACT, RecentAuthForm
from portal.governance.invitations import build_account
from portal.governance.people import ROLE_CODES


class PersonActForm(RecentAuthForm):
    """Act on a person, with its reason."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Administrators and auditors see it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, act: str) -> None:
        super().__init__(data, request=request, auto_id=f"{act}-%s")


class RolesForm(PersonActForm):
    """Roles to give to a person or to take from them."""

    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Select at least one role.")},
    )
    field_order: tuple[str, ...] = ("roles", "reason", "password")

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, act: str, codes: Iterable[str]) -> None:
        super().__init__(data, request=request, act=act)
        self.fields["roles"].choices = [(code, _(ROLE_CODES[code])) for code in codes]  # type: ignore[attr-defined]


class AddPersonForm(RolesForm):
    """Person to add: an account, its address, and the roles that are proposed."""

    full_name = forms.CharField(label=gettext_lazy("Full name"), max_length=150)
    username = forms.CharField(
        label=gettext_lazy("User name"),
        help_text=gettext_lazy("It names the person in the audit log and can't be changed later."),
        max_length=150,
        widget=forms.TextInput(attrs={**EXACT, "autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("Email"),
        help_text=gettext_lazy("The person's own address. The link to choose a password goes there."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("full_name", "username", "email", "roles", "reason", "password")

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, act="add", codes=ROLE_CODES)
        if not settings.EMAIL_HOST:
            self.fields["email"].help_text = ""  # no link goes anywhere, which the page says

    def clean(self) -> dict[str, Any]:
        """Check the account as a whole: its name and its address must be no other account's."""
        typed = super().clean()
        if {"full_name", "username", "email"} <= typed.keys():
            try:
                build_account(typed["username"], typed["full_name"], typed["email"])
            except ValidationError as error:
                names = {"first_name": "full_name"}
                for name, texts in error.message_dict.items():
                    self.add_error(names.get(name, name if name in self.fields else None), texts)
        return typed


class ConfirmForm(RecentAuthForm):
    """Act that needs a recent authentication and nothing else."""

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, act: str) -> None:
        super().__init__(data, request=request, auto_id=f"{act}-%s")
