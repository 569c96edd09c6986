"""Form for a comment on a change."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.models.comment import LONGEST
from portal.changes.workflow.comments import NewComment

_LARGEST = 2**63 - 1
_ABOUT = [("", _("The change as a whole")), *FIELD_LABELS.items()]


class CommentForm(forms.Form):
    """A comment that opens a thread or, if it `answers` a comment, goes into the thread of that comment."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    answers = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=_LARGEST)
    field = forms.ChoiceField(label=_("About"), required=False, choices=_ABOUT)
    text = forms.CharField(
        label=_("New comment"),
        help_text=_("Mention people who may see this change as @username. Never write a secret value here."),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, data: QueryDict | None = None, *, answers: int | None = None, field: str = "") -> None:
        sent = (data.get("answers", "") if data else "") or answers or ""
        initial = {"key": uuid.uuid4(), "answers": answers, "field": field}
        super().__init__(data, initial=initial, auto_id=f"answer-{sent}-%s" if sent else "say-%s")
        if sent:
            self.fields["text"].help_text = ""

    def offer(self, names: Iterable[str]) -> None:
        """Offer only these fields and the selected one. Others are still accepted: the change may have been revised."""
        listed = {"", *names, self["field"].value()}
        self.fields["field"].widget.choices = [(name, label) for name, label in _ABOUT if name in listed]

    def refuse(self, sentence: str, *, rest: str | None) -> None:
        """Add the sentence as an error of the text, which is shown again as typed, or as `rest` if that is given."""
        if rest is not None:
            self.data = {**self.data.dict(), "text": rest} if isinstance(self.data, QueryDict) else self.data
        self.add_error("text", sentence)

    @property
    def remark(self) -> NewComment:
        """The comment, as post_comment takes it."""
        cleaned = self.cleaned_data
        return NewComment(cleaned["key"], cleaned["text"], cleaned.get("field", ""), cleaned["answers"])
