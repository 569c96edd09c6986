"""What people send with their decision, with a retry, and with what they found in Segura."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import RecentAuthForm
from portal.changes.domain import review_proof
from portal.changes.domain.review_proof import ReviewProof
from portal.changes.forms.fields import SecretField
from portal.vault import SecretStr


class VoteForm(RecentAuthForm):
    """A vote: on which revision, over which digest, and a comment, which all but an approval must have.

    `opened` is the mark of the page that showed the difference; with `confirmed` it is what high risk takes.
    The names of `confirmed` and `reason` hold the digest that they are about: browsers put what was typed and ticked
    back into controls of the same name, also where the page shows another revision by now.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    opened = forms.CharField(widget=forms.HiddenInput, max_length=100, required=False)
    confirmed = forms.BooleanField(
        label=_("I know what approving brings about"),
        required=False,
        widget=forms.CheckboxInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Comment"),
        help_text=_("Required to reject and to request changes: the requester reads it."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )

    def __init__(
        self, data: QueryDict | None = None, *, request: HttpRequest, digest: str = "", kept: bool = False
    ) -> None:
        """`digest`: that of the revision which the page shows, where there is no `data` to say it.

        `kept`: the page already shows the form; what is being typed there stays when htmx swaps it.
        """
        self._digest = digest if data is None else data.get("digest", "")
        super().__init__(data, request=request, auto_id="vote-%s")
        if kept:
            for field in self.fields.values():
                field.widget.attrs["hx-preserve"] = "true"

    @property
    def bound_digest(self) -> str:
        """The digest that the controls are bound to."""
        return self._digest

    @property
    def typed_reason(self) -> str:
        """The comment as it was sent."""
        return str(self["reason"].value() or "")

    def add_prefix(self, field_name: str) -> str:
        """Bind the controls that decide and explain to the digest."""
        bound = f"{field_name}-{self._digest}" if field_name in ("confirmed", "reason") else field_name
        return super().add_prefix(bound)

    @property
    def vote(self) -> dict[str, Any]:
        """The cleaned vote, as workflow takes it."""
        cleaned = {name: self.cleaned_data[name] for name in ("revision", "digest", "reason")}
        return {**cleaned, "presence": self.presence}

    @property
    def care(self) -> ReviewProof:
        """What the voter did before, which only an approval asks for."""
        given = self.cleaned_data
        return review_proof.check_review_token(
            given["digest"],
            revision=given["revision"],
            reader=self._request.user.pk or 0,
            marked=given["opened"],
            confirmed=given["confirmed"],
        )


class RetryForm(RecentAuthForm):
    """The approved client secret once more; never written back into a page."""

    value = SecretField(
        limit=10_000,
        label=_("Client secret"),
        help_text=_("The very value that was approved: the portal erased its copy when the change failed."),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="retry-%s")

    @property
    def secret(self) -> SecretStr | None:
        """The value as something that does not print."""
        value: SecretStr | None = self.cleaned_data["value"]
        return value

    def add_error(self, field: str | None, error: Any) -> None:
        """Add that the value looks like a placeholder, where it is another one than was approved."""
        super().add_error(field, error)
        if field == "value" and cast(SecretField, self.fields["value"]).doubtful:
            super().add_error(field, _("What you entered looks like a placeholder or a masked copy of the value."))


class RecheckForm(RecentAuthForm):
    """Nothing but the person."""

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="recheck-%s")


class ResolveForm(RecentAuthForm):
    """What a person found in Segura, where the machine could not find out."""

    applied = forms.ChoiceField(
        label=_("What does Segura hold?"),
        choices=[
            ("yes", _("The proposed values: it was applied")),
            ("part", _("Some of the proposed values: it was applied in part")),
            ("no", _("None of the proposed values: it was not applied")),
        ],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("How do you know?"),
        help_text=_("What you looked at and found. Auditors read it."),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="close-%s")

    @property
    def found(self) -> dict[str, Any]:
        """What was found, as aftermath takes it."""
        answer = self.cleaned_data["applied"]
        return {"applied": answer != "no", "in_part": answer == "part", "reason": self.cleaned_data["reason"]}
