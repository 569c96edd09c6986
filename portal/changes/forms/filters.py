"""Narrowing the lists of changes."""

from __future__ import annotations

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.changes.models import ChangeQuerySet, Status

_LARGEST = 2**63 - 1


class QueueForm(forms.Form):
    """What the queue is asked for in its address: a text to look for, and the change to show beside it."""

    q = forms.CharField(required=False)
    open = forms.IntegerField(required=False, min_value=0, max_value=_LARGEST)

    def asked(self) -> tuple[str, int]:
        """Both; '' and 0 for what is none, or nothing that a database could hold."""
        self.is_valid()
        return self.cleaned_data.get("q", ""), self.cleaned_data.get("open") or 0


class FilterForm(forms.Form):
    """Any of status, requester and secret; empty fields narrow nothing."""

    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("Any")), ("open", _("All open ones")), *Status.choices],
    )
    requester = forms.CharField(label=_("Requester"), required=False, max_length=150)
    secret = forms.CharField(label=_("Secret or number"), required=False, max_length=500)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="filter-%s")

    def narrow(self, changes: ChangeQuerySet) -> ChangeQuerySet:
        """Those that meet every valid filter."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        if status := given.get("status"):
            changes = changes.open() if status == "open" else changes.filter(status=status)
        if name := given.get("requester"):
            person = Q(requester__username__icontains=name) | Q(requester__first_name__icontains=name)
            changes = changes.filter(person | Q(requester__last_name__icontains=name))
        if text := given.get("secret"):
            changes = changes.matching(text)
        return changes

    def asked(self) -> dict[str, str]:
        """What is not empty, as typed: for addresses."""
        return {name: self.data[name].strip() for name in self.fields if self.data.get(name, "").strip()}
