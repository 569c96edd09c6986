"""Forms of acts on people and of decisions on proposals. Each asks for the password if the last one is too old."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.forms import RecentAuthForm
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
    field_order = ("roles", "reason", "password")

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, act: str, codes: Iterable[str]) -> None:
        super().__init__(data, request=request, act=act)
        self.fields["roles"].choices = [(code, _(ROLE_CODES[code])) for code in codes]  # type: ignore[attr-defined]


class ConfirmForm(RecentAuthForm):
    """Act that needs a recent authentication and nothing else."""

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, act: str) -> None:
        super().__init__(data, request=request, auto_id=f"{act}-%s")
