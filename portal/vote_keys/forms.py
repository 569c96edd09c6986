"""Forms of vote keys. `credential` holds the browser's answer, which a script fills in after the click."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import RecentAuthForm


class EnrolForm(RecentAuthForm):
    """Name of a new vote key."""

    name = forms.CharField(
        label=_("Name of the key"),
        help_text=_("Where it is, such as “Work laptop” or “Spare key in the safe”."),
        max_length=60,
    )
    credential = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20_000)

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="enrol-%s")


class RevokeForm(RecentAuthForm):
    """Reason of a revocation and, if the key may have been in other hands, since when."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Administrators and auditors see it."),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    compromised_at = forms.DateTimeField(
        label=_("In other hands since"),
        help_text=_(
            "Only if the key was stolen or copied. What it confirmed since then no longer counts. Time in UTC."
        ),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest, key: int) -> None:
        super().__init__(data, request=request, auto_id=f"revoke-{key}-%s")

    def clean_compromised_at(self) -> datetime | None:
        """Return the time as it was typed, in UTC whatever the user's time zone. Raises ValidationError if to come."""
        typed: datetime | None = self.cleaned_data["compromised_at"]
        at = typed.replace(tzinfo=UTC) if typed else None
        if at and at > timezone.now():
            raise ValidationError(_("This time is still to come. Enter when the key was stolen or copied, in UTC."))
        return at
