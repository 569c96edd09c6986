"""HTTP status and sentence of a rule violation, the same on every page."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.decorators import UserRequest
from portal.accounts.models import User
from portal.audit.denied_requests import note_denial_reason
from portal.changes.models import Change, Status, Verdict
from portal.changes.rules.guards import (
    AlreadyPaused,
    AlreadySubmitted,
    AlreadyVoted,
    BaseChanged,
    ChangesRequested,
    NotAllowed,
    NotPaused,
    OwnChange,
    RuleViolation,
    StaleRevision,
    TooManySubmissions,
)
from portal.changes.transitions import WrongState

_ELSEWHERE = (
    WrongState,
    StaleRevision,
    AlreadyVoted,
    AlreadySubmitted,
    ChangesRequested,
    BaseChanged,
    AlreadyPaused,
    NotPaused,
)
"""Violations because the change or the delivery is not as the page showed it: HTTP status 409."""


def violation_response(refusal: RuleViolation | WrongState, request: UserRequest) -> tuple[int, str]:
    """Return HTTP status and sentence of a violation, and note the rule for the log of denied requests."""
    note_denial_reason(request, refusal)
    return _status_of(refusal), _sentence_of(refusal, by=request.user)


def _status_of(refusal: RuleViolation | WrongState) -> int:
    """Return 409 for a state other than the page showed, 403 for the user, 429 for a limit, 422 for the input."""
    if isinstance(refusal, TooManySubmissions):
        return 429
    if isinstance(refusal, _ELSEWHERE):
        return 409
    return 403 if isinstance(refusal, NotAllowed | OwnChange) else 422


def _sentence_of(refusal: RuleViolation | WrongState, *, by: User) -> str:
    """Return the violation's sentence; for a wrong state, what happened and the status now."""
    if isinstance(refusal, WrongState):
        return _already_done(refusal.change, by) or _(
            "%(number)s has changed since you opened it. Its status now: %(status)s."
        ) % _names(refusal.change)
    return str(refusal)


def _already_done(change: Change, by: User) -> str:
    """Return a sentence that the user's earlier click counted, or '' if the user did not do it."""
    vote = change.votes.filter(voter=by, revision=change.revision).order_by("-pk").first()
    if vote is not None:
        words = {
            Verdict.APPROVE: _("You have already approved %(number)s. Its status now: %(status)s."),
            Verdict.REJECT: _("You have already rejected %(number)s. Its status now: %(status)s."),
            Verdict.REQUEST_CHANGES: _("You asked for changes to %(number)s. Its status now: %(status)s."),
        }
        return words[Verdict(vote.verdict)] % _names(change)
    if change.status == Status.WITHDRAWN and change.requester_id == by.pk:
        return _("You have already withdrawn %(number)s.") % _names(change)
    return ""


def _names(change: Change) -> dict[str, str]:
    return {"number": change.reference, "status": change.get_status_display()}
