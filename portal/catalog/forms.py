"""Filter form above the list of secrets."""

from __future__ import annotations

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import ApiSecret, SecretQuerySet


class SecretStatusFilter(TextChoices):
    """Choices of the status filter; without a choice, all secrets that Segura lists."""

    PROPOSABLE = "proposable", _("Open to proposals")
    READ_ONLY = "read-only", _("Read only")
    APPROVAL = "approval", _("Approval needed in Segura")
    UNREAD = "unread", _("Not read yet")
    VANISHED = "vanished", _("Vanished from Segura")


class SecretFilterForm(forms.Form):
    """Search text and status filter. An unknown choice is an error, not an empty list."""

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
        """Return the matching secrets; an empty queryset if the form is invalid."""
        if not self.is_valid():
            return ApiSecret.objects.none()
        found = self.filter_secrets(ApiSecret.objects.all())
        text = self.cleaned_data["q"]
        return found.matching(text) if text else found

    def filter_secrets(self, secrets: SecretQuerySet) -> SecretQuerySet:
        """Return the secrets that the chosen filter leaves. Requires a valid form."""
        return _CHOSEN[self.cleaned_data["show"]](secrets)


_CHOSEN = {
    "": SecretQuerySet.present,
    SecretStatusFilter.PROPOSABLE: SecretQuerySet.proposable,
    SecretStatusFilter.READ_ONLY: SecretQuerySet.read_only,
    SecretStatusFilter.APPROVAL: SecretQuerySet.needs_approval_in_segura,
    SecretStatusFilter.UNREAD: SecretQuerySet.unread,
    SecretStatusFilter.VANISHED: SecretQuerySet.unlisted,
}
