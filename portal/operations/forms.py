"""Forms to pause and resume all delivery."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import RecentAuthForm


class PauseForm(RecentAuthForm):
    """Pause of all delivery, with its reason."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Shown to everyone with a waiting change, and to auditors."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="pause-%s")


class ResumeForm(RecentAuthForm):
    """Resumption of delivery, which only needs a recent authentication."""

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="resume-%s")
