"""Rendering of the page of one change, also after a command that was not allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.decorators import RightMissing, UserRequest
from portal.accounts.forms import RecentAuthForm
from portal.accounts.roles import Right
from portal.changes.forms.decision import DecisionForms, RecheckForm, ResolveForm, RetryForm, VoteForm
from portal.changes.models import Change, Verdict
from portal.changes.presenters import change_page, error_responses, reverts, since_review
from portal.changes.presenters.change_page import ChangePage
from portal.changes.rules.guards import (
    ImpactNotConfirmed,
    ReasonMissing,
    ReauthenticationRequired,
    RecoveryCodeUsed,
    RuleViolation,
    SecretMismatch,
    StaleRevision,
    TooManyGuesses,
)
from portal.changes.transitions import WrongState
from portal.changes.views import comments, queue

_ABOUT: dict[type[Exception], str] = {
    ReasonMissing: "reason",
    SecretMismatch: "value",
    TooManyGuesses: "value",
    ImpactNotConfirmed: "confirmed",
    ReauthenticationRequired: "password",
    RecoveryCodeUsed: "password",
}
"""Form field at which a violation is shown, if the form has it."""


def show_refusal(
    request: UserRequest,
    change_id: int,
    refusal: RuleViolation | WrongState | None = None,
    *,
    verdict: Verdict | None = None,
    **forms: RecentAuthForm,
) -> HttpResponse:
    """Render the page again, with the sentence and what was typed; never with a secret value.

    `verdict`: that of the vote which was refused; its sheet opens with the page.
    Raises RightMissing if the user came from the queue and may not open it any more.
    """
    shown = open_change(request, change_id)
    code, context = 422, dict[str, Any](forms)
    ballot = forms.get("ballot")
    revised = isinstance(ballot, VoteForm) and ballot.bound_digest != shown.revision.digest
    if revised and (refusal is None or type(refusal) in _ABOUT):
        refusal = StaleRevision(shown.change)
    if refusal is not None:
        code, sentence = error_responses.violation_response(refusal, request)
        context |= _told(shown, refusal, sentence, forms)
    if isinstance(ballot, VoteForm):
        # A comment and a confirmation of another revision are not taken over.
        kept = None if revised else ballot
        context["ballot"] = _decision_forms(request, shown, bound=kept, verdict=verdict)
    if "ballot" in forms and request.htmx and request.POST.get("from") == "queue":
        if not roles.has_right(request.user, Right.DECIDE):
            raise RightMissing(Right.DECIDE)
        may = {name: getattr(shown, name) for name in ("may_vote", "may_approve", "may_request_changes")}
        panel = queue.QueuePanel(shown.row, shown.likeness, **may, **context)
        return queue.show_queue(request, request.POST, panel=panel, status=code)
    return show_page(request, shown, status=code, **context)


def _told(
    shown: ChangePage, refusal: RuleViolation | WrongState, sentence: str, forms: Mapping[str, RecentAuthForm]
) -> dict[str, Any]:
    """Show the sentence at its form field and return {}; else return it for the page, with the revised fields."""
    field = _ABOUT.get(type(refusal), "")
    for form in forms.values():
        if field in form.fields:
            form.add_error(field, sentence)
            return {}
    ballot, seen = forms.get("ballot"), shown.change.revision
    if isinstance(ballot, VoteForm) and isinstance(refusal, StaleRevision):
        seen = ballot.cleaned_data.get("revision", seen)
    typed = ballot.typed_reason if isinstance(ballot, VoteForm) else ""
    told = {"sentence": sentence, "difference": shown.difference_from(seen), "seen": seen, "typed": typed}
    return {"refusal": told}


def open_change(request: UserRequest, change_id: int) -> ChangePage:
    """Return the change for its page. Raises Http404 if the user may not see it."""
    try:
        return change_page.load_change_page(change_id, request.user)
    except Change.DoesNotExist:
        raise Http404 from None


def opened_ballot(request: UserRequest, shown: ChangePage) -> DecisionForms:
    """Return empty vote forms; `?comment=base_changed` prepares a comment with the fields that changed in Segura."""
    asked = request.GET.get("comment") == "base_changed" and shown.base_check and shown.base_check.changed
    note = shown.base_check.note if asked and shown.base_check else ""
    return _decision_forms(request, shown, note=note)


def _decision_forms(request: UserRequest, shown: ChangePage, **given: Any) -> DecisionForms:
    high_risk = shown.row.is_high_risk
    return DecisionForms(request=request, digest=shown.revision.digest, high_risk=high_risk, **given)


def page_context(request: UserRequest, shown: ChangePage) -> dict[str, Any]:
    """Return the context of the page, with empty forms."""
    return {
        "shown": shown,
        "change": shown.change,
        "token": shown.token,
        "link": _link_to(request, shown),
        "talk": comments.talk(request, shown),
        "asked": queue.place_of(request),
        # Built only for a reader who is shown them: each asks the database how the user confirms an act.
        "ballot": SimpleLazyObject(lambda: _decision_forms(request, shown)),
        "retry": SimpleLazyObject(lambda: RetryForm(request=request)),
        "recheck": SimpleLazyObject(lambda: RecheckForm(request=request)),
        "resolve": SimpleLazyObject(lambda: ResolveForm(request=request)),
        "refusal": None,
        "since": since_review.choose_since(shown.change, shown.revisions, request.GET.get("since", "")),
        "reverts": reverts.load_reverts(shown.change, shown.revision, reader=shown.reader),
        "reference": since_review.find_reference(shown.change),
        "place": "?",
        "moved": False,
        "outdated": False,
    }


def _link_to(request: UserRequest, shown: ChangePage) -> str:
    """Return reference and address of the change, to copy into a message or a ticket."""
    address = request.build_absolute_uri(reverse("changes:change", args=[shown.change.pk]))
    return f"{shown.change.reference} {address}"


def show_page(request: UserRequest, shown: ChangePage, *, status: int = 200, **more: Any) -> HttpResponse:
    """Render the page; `more` replaces values of page_context."""
    return render(request, "changes/change.html", {**page_context(request, shown), **more}, status=status)
