"""Form of the text that a vote signs: what the vote's own form sends, without password and confirmation."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from portal.changes.forms.bulk import SelectedChange, SelectionField
from portal.changes.models import Verdict


class VoteTextForm(forms.Form):
    """Revision, digest and comment of a vote on one change. The comment's control is named as in VoteForm."""

    revision = forms.IntegerField(min_value=1)
    digest = forms.CharField(max_length=64)
    reason = forms.CharField(required=False, max_length=4000)

    def __init__(self, data: QueryDict, *, change_id: int) -> None:
        super().__init__(data)
        self._change_id = change_id

    def add_prefix(self, field_name: str) -> str:
        """Return the name of a control; that of the comment contains the digest."""
        return f"reason-{self.data.get('digest', '')}" if field_name == "reason" else field_name

    @property
    def picks(self) -> list[SelectedChange]:
        """The change, as the items of a bulk vote."""
        return [SelectedChange(self._change_id, self.cleaned_data["revision"], self.cleaned_data["digest"])]


class BulkTextForm(forms.Form):
    """Selected changes, verdict and comment of a bulk vote."""

    picks = SelectionField()
    verdict = forms.ChoiceField(choices=[(each, each.label) for each in (Verdict.APPROVE, Verdict.REJECT)])
    reason = forms.CharField(required=False, max_length=4000)
