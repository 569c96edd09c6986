"""Forms for a vote, a retry, a check and a manual resolution."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import RecentAuthForm
from portal.accounts.models import User
from portal.changes.approvals.signed_votes import is_signature_required
from portal.changes.domain import review_proof
from portal.changes.domain.review_proof import ReviewProof
from portal.changes.forms.fields import SecretField
from portal.changes.models import Verdict
from portal.vault import SecretStr
from portal.vote_keys.ceremonies import signs_votes, take_signature


class VoteForm(RecentAuthForm):
    """One verdict: its revision and digest, and a comment, which is mandatory except for an approval.

    `opened` is the review token of the page that showed the difference; with `confirmed` it is the review proof that a
    high-risk change requires. The names of the controls `confirmed` and `reason` contain the digest that they are
    about: browsers restore what was typed and ticked in controls of the same name, even if the page now shows another
    revision.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    opened = forms.CharField(widget=forms.HiddenInput, max_length=100, required=False)
    credential = forms.CharField(widget=forms.HiddenInput, max_length=20_000, required=False)
    confirmed = forms.BooleanField(
        label=_("I understand what approving does"),
        required=False,
        widget=forms.CheckboxInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Comment"),
        help_text=_("The requester sees it."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        request: HttpRequest,
        verdict: Verdict = Verdict.APPROVE,
        digest: str = "",
    ) -> None:
        """Bind the form to `digest`, that of the revision the page shows, unless `data` contains one."""
        self._digest = digest if data is None else data.get("digest", "")
        super().__init__(data, request=request, auto_id=f"{verdict.replace('_', '-')}-%s")

    @property
    def bound_digest(self) -> str:
        """The digest that the controls are bound to."""
        return self._digest

    @property
    def typed_reason(self) -> str:
        """The comment as it was sent."""
        return str(self["reason"].value() or "")

    def add_prefix(self, field_name: str) -> str:
        """Bind the controls of confirmation and comment to the digest."""
        bound = f"{field_name}-{self._digest}" if field_name in ("confirmed", "reason") else field_name
        return super().add_prefix(bound)

    @property
    def vote(self) -> dict[str, Any]:
        """The cleaned vote, as arguments of the commands in workflow.review."""
        cleaned = {name: self.cleaned_data[name] for name in ("revision", "digest", "reason")}
        signed = take_signature(self._request, self.cleaned_data["credential"])
        return {**cleaned, "recent_auth": self.recent_auth, "signed": signed}

    @property
    def review_proof(self) -> ReviewProof:
        """The voter's review proof, which only an approval requires."""
        given = self.cleaned_data
        return review_proof.check_review_token(
            given["digest"],
            revision=given["revision"],
            reader=self._request.user.pk or 0,
            marked=given["opened"],
            confirmed=given["confirmed"],
        )


class DecisionForms:
    """The forms of the three verdicts on one revision; `bound`, if given, replaces the one of its verdict.

    `high_risk`: whether the revision needs a password of the last minutes, whatever was decided meanwhile.
    `note`: a prepared comment of a request for changes.
    """

    def __init__(
        self,
        *,
        request: HttpRequest,
        digest: str,
        high_risk: bool,
        bound: VoteForm | None = None,
        verdict: Verdict | None = None,
        note: str = "",
    ) -> None:
        forms_by_verdict = {each: VoteForm(request=request, verdict=each, digest=digest) for each in Verdict}
        forms_by_verdict[Verdict.REQUEST_CHANGES].initial["reason"] = note
        if bound is not None and verdict is not None:
            forms_by_verdict[verdict] = bound
        for form in forms_by_verdict.values():
            if not high_risk:
                form.accept_extended_auth()
        self._user, self._high_risk = cast(User, request.user), high_risk
        self.approve = forms_by_verdict[Verdict.APPROVE]
        self.request_changes = forms_by_verdict[Verdict.REQUEST_CHANGES]
        self.reject = forms_by_verdict[Verdict.REJECT]

    @property
    def asks_password(self) -> bool:
        """Whether a verdict needs the password."""
        return "password" in self.approve.fields

    @property
    def opens_sheet(self) -> bool:
        """Whether Approve opens its sheet: for the password, or to show the text that is signed."""
        return self.asks_password or self.is_signed or self.requires_signature

    @cached_property
    def is_signed(self) -> bool:
        """Whether the forms sign with a vote key of the reader."""
        return signs_votes(self._user)

    @property
    def requires_signature(self) -> bool:
        """Whether SIGNED_VOTES requires the signature of a vote on this revision."""
        return is_signature_required(high_risk=self._high_risk)


class RetryForm(RecentAuthForm):
    """The approved client secret, entered again; a page never shows it."""

    value = SecretField(
        limit=10_000,
        label=_("Client secret"),
        help_text=_("Enter exactly the value that was approved: Countersign deleted its copy when the change failed."),
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="retry-%s")

    @property
    def secret(self) -> SecretStr | None:
        """The value as SecretStr, which does not print."""
        value: SecretStr | None = self.cleaned_data["value"]
        return value

    def add_error(self, field: str | None, error: Any) -> None:
        """Add the error; if it is about a value that looks like a placeholder, add a hint."""
        super().add_error(field, error)
        if field == "value" and cast(SecretField, self.fields["value"]).doubtful:
            super().add_error(field, _("What you entered looks like a placeholder or a masked copy of the value."))


class RecheckForm(RecentAuthForm):
    """The user's authentication; no other field."""

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data, request=request, auto_id="recheck-%s")


class ResolveForm(RecentAuthForm):
    """Findings of an administrator in Segura about a change whose outcome the worker could not determine."""

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
        super().__init__(data, request=request, auto_id="resolve-%s")

    @property
    def found(self) -> dict[str, Any]:
        """The findings, as arguments of resolve_change."""
        answer = self.cleaned_data["applied"]
        return {"applied": answer != "no", "in_part": answer == "part", "reason": self.cleaned_data["reason"]}
