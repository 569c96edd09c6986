"""Form for one verdict on several changes of the queue."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import RecentAuthForm
from portal.accounts.models import User
from portal.accounts.reauthentication import Confirmation
from portal.changes.models import Verdict
from portal.vote_keys.ceremonies import signs_votes, take_signature

MOST = 25
"""Most changes per request, and so the page size of the queue: each vote is a transaction within the one request."""
_ALTERED = _("The list was altered. Open it again and choose once more.")
_PICK = re.compile(r"(\d{1,18})\.(\d{1,9})\.([0-9a-f]{64})")


class SelectedChange(NamedTuple):
    """One selected change: its revision and digest as the list showed them."""

    change_id: int
    revision: int
    digest: str


class SelectionField(forms.Field):
    """The ticked boxes, each in the form «change.revision.digest»."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {"required": _("Select at least one change.")}

    def to_python(self, value: list[str] | None) -> list[SelectedChange]:
        """Return the selected changes, each once. Raises ValidationError if a value is invalid, or for over MOST."""
        texts = dict.fromkeys(value or [])
        if len(texts) > MOST:
            raise ValidationError(_("Choose at most %(most)d changes at once.") % {"most": MOST})
        found = [_PICK.fullmatch(text) for text in texts]
        if not all(found):
            raise ValidationError(_ALTERED)
        return [SelectedChange(int(match[1]), int(match[2]), match[3]) for match in found if match]


class BulkVoteForm(RecentAuthForm):
    """A verdict on all selected changes; a rejection with one reason for all of them.

    The verdict "request changes" is not offered: what to change differs from change to change.
    """

    picks = SelectionField(label=_("Changes"))
    verdict = forms.ChoiceField(
        choices=[(each, each.label) for each in (Verdict.APPROVE, Verdict.REJECT)],
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _ALTERED},
    )
    reason = forms.CharField(
        label=_("Comment for all selected"),
        required=False,
        max_length=4000,
        # Several lines: browsers fill a one-line control in front of a password with the name of the account.
        widget=forms.Textarea(attrs={"rows": 1, "autocomplete": "off"}),
    )

    credential = forms.CharField(widget=forms.HiddenInput, max_length=20_000, required=False)

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="bulk-%s")
        asked = self.fields.get("password")
        if asked and self.confirms_with == Confirmation.PASSWORD:
            asked.label = _("Password for all selected")
        self.accept_extended_auth()

    @property
    def picked(self) -> list[str]:
        """The values of the ticked boxes, as they were sent."""
        return self.data.getlist("picks") if self.is_bound else []  # type: ignore[attr-defined]

    @property
    def votes(self) -> list[dict[str, Any]]:
        """Arguments of each vote for approve_change or reject_change."""
        signed = take_signature(self._request, self.cleaned_data["credential"])
        shared = {"reason": self.cleaned_data["reason"], "recent_auth": self.recent_auth, "signed": signed}
        return [{**pick._asdict(), **shared} for pick in self.cleaned_data["picks"]]

    @cached_property
    def is_signed(self) -> bool:
        """Whether the form signs with a vote key of the reader."""
        return signs_votes(cast(User, self._request.user))
