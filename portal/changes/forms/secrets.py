"""Filter form of the list of secrets, with what the changes app knows of them."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.catalog.forms import SecretFilterForm, SecretStatusFilter
from portal.catalog.models import SecretQuerySet
from portal.changes.models import Change
from portal.common.db_expressions import is_among

OPEN_CHANGE = "open-change"


class SecretListForm(SecretFilterForm):
    """Search text, and one filter of status as a row of chips."""

    show = forms.ChoiceField(
        label=_("Show"),
        choices=[("", _("All listed")), (OPEN_CHANGE, _("With open change")), *SecretStatusFilter.choices],
        required=False,
        widget=forms.RadioSelect,
    )

    def filter_secrets(self, secrets: SecretQuerySet) -> SecretQuerySet:
        """Return the secrets that the chosen chip leaves; one with an open change also if it is no longer listed."""
        if self.cleaned_data["show"] == OPEN_CHANGE:
            return secrets.filter(is_among(Change.objects.open().order_by().values("secret")))
        return super().filter_secrets(secrets)
