"""View for one verdict on several changes, each by the ordinary rules and with a result of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.accounts.typed_forms import expired_sentence, is_expired, returns_typed
from portal.changes.domain.review_proof import ReviewProof
from portal.changes.forms.bulk import BulkVoteForm
from portal.changes.models import Change, Verdict
from portal.changes.presenters import error_responses
from portal.changes.rules import guards
from portal.changes.rules.guards import ReasonMissing, ReauthenticationRequired, ReviewRequired, RuleViolation
from portal.changes.transitions import WrongState
from portal.changes.views.queue import show_queue
from portal.changes.views.recent_votes import extend_recent_auth
from portal.changes.workflow import review

_GLANCED = ReviewProof(opened=False, confirmed=False)
"""A list shows no difference: a change that requires a proof of review is left for its own page."""


@dataclass(frozen=True)
class BulkResult:
    """Result of one change: `kind` is approved, rejected, skipped or refused."""

    change_id: int
    kind: str
    sentence: str


@returns_typed
@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.DECIDE)
def decide(request: UserRequest) -> HttpResponse:
    """Vote on each of the selected changes, or on none if the violation concerns all of them."""
    form = BulkVoteForm(request.POST, request=request)
    valid = form.is_valid()
    if is_expired(request):
        form.add_error(None, expired_sentence())
    elif valid:
        verdict = Verdict(form.cleaned_data["verdict"])
        try:
            guards.require_reason(verdict, form.cleaned_data["reason"])
            guards.require_vote_auth(form.recent_auth, high_risk=False)  # each vote applies its own risk
        except ReasonMissing as refusal:
            form.add_error("reason", str(refusal))
        except ReauthenticationRequired as refusal:
            form.add_error("password", str(refusal))
        else:
            report = [_decide(request, verdict, vote) for vote in form.votes]
            return show_queue(request, request.POST, report=report)
    return show_queue(request, request.POST, bulk=form, status=422)


def _decide(request: UserRequest, verdict: Verdict, vote: dict[str, Any]) -> BulkResult:
    number = vote["change_id"]
    try:
        match verdict:
            case Verdict.APPROVE:
                voted = review.approve_change(**vote, by=request.user, review_proof=_GLANCED)
                result = BulkResult(number, "approved", _("Approved."))
            case Verdict.REJECT:
                voted = review.reject_change(**vote, by=request.user)
                result = BulkResult(number, "rejected", _("Rejected."))
            case _:
                raise ValueError(verdict)
        extend_recent_auth(request, voted)
        return result
    except ReviewRequired:
        return BulkResult(
            number, "skipped", _("Skipped: high-risk changes are reviewed one at a time. Nothing was decided.")
        )
    except ReauthenticationRequired:
        return BulkResult(
            number, "skipped", _("Skipped: a high-risk change needs your confirmation. Open it and decide there.")
        )
    except (RuleViolation, WrongState) as refusal:
        return BulkResult(number, "refused", error_responses.violation_response(refusal, request)[1])
    except Change.DoesNotExist:
        return BulkResult(number, "refused", _("There is no such change."))
