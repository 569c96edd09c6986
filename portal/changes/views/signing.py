"""Views that give the browser the text of a vote to sign. Nothing is decided here."""

from __future__ import annotations

from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.changes.forms.signing import BulkTextForm, VoteTextForm
from portal.changes.models import Change, Verdict
from portal.changes.presenters.vote_texts import build_text
from portal.vote_keys import ceremonies


@require_POST
@require_rights(Right.DECIDE)
def sign_vote(request: UserRequest, change_id: int, verdict: str) -> HttpResponse:
    """Return what the browser needs to sign a vote on one change."""
    if verdict not in Verdict.values:
        raise Http404
    return _options(request, VoteTextForm(request.POST, change_id=change_id), Verdict(verdict))


@require_POST
@require_rights(Right.DECIDE)
def sign_bulk(request: UserRequest) -> HttpResponse:
    """Return what the browser needs to sign one vote on several changes."""
    form = BulkTextForm(request.POST)
    return _options(request, form, Verdict(request.POST["verdict"]) if form.is_valid() else Verdict.APPROVE)


def _options(request: UserRequest, form: VoteTextForm | BulkTextForm, verdict: Verdict) -> HttpResponse:
    if not form.is_valid():
        return HttpResponse(status=422)
    try:
        text = build_text(
            form.picks if isinstance(form, VoteTextForm) else form.cleaned_data["picks"],
            verdict=verdict,
            reason=form.cleaned_data["reason"],
            voter=request.user,
        )
    except Change.DoesNotExist:
        raise Http404 from None
    return JsonResponse(ceremonies.begin_signature(request, text))
