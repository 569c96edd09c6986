"""The filter above the list of secrets."""

from __future__ import annotations

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import ApiSecret, SecretQuerySet


class SecretStatusFilter(TextChoices):
    """Which secrets; without a choice, all that Segura lists."""

    PROPOSABLE = "proposable", _("Open to proposals")
    READ_ONLY = "read-only", _("Read only")
    APPROVAL = "approval", _("Details need approval in Segura")
    VANISHED = "vanished", _("Vanished from Segura")


class SecretFilterForm(forms.Form):
    """What a person looks for. A choice nobody offered is an error, not an empty list."""

    q = forms.CharField(
        label=_("Name, identifier, tag, URL or person"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    show = forms.ChoiceField(
        label=_("Show"), choices=[("", _("All listed")), *SecretStatusFilter.choices], required=False
    )

    def secrets(self) -> SecretQuerySet:
        """The secrets asked for; none where the question itself is wrong."""
        if not self.is_valid():
            return ApiSecret.objects.none()
        found = _CHOSEN[self.cleaned_data["show"]](ApiSecret.objects.all())
        text = self.cleaned_data["q"]
        return found.matching(text) if text else found


_CHOSEN = {
    "": SecretQuerySet.present,
    SecretStatusFilter.PROPOSABLE: SecretQuerySet.proposable,
    SecretStatusFilter.READ_ONLY: SecretQuerySet.read_only,
    SecretStatusFilter.APPROVAL: SecretQuerySet.gated,
    SecretStatusFilter.VANISHED: SecretQuerySet.vanished,
}
