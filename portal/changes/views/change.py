"""Views of one change: its page, its status for polling, and the commands of users."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.forms import RecentAuthForm
from portal.accounts.typed_forms import expired_sentence, is_expired, returns_typed
from portal.changes.delivery import circuit_breaker
from portal.changes.forms.comment import CommentForm
from portal.changes.forms.decision import RecheckForm, ResolveForm, RetryForm, VoteForm
from portal.changes.forms.filters import QueueFilterForm
from portal.changes.models import Change, Status, Verdict
from portal.changes.presenters import comment_threads, error_responses, page_version
from portal.changes.rules.guards import ContainsSecret, RuleViolation
from portal.changes.signals import change_opened
from portal.changes.transitions import WrongState
from portal.changes.views import comments as comment_views
from portal.changes.views import review_reads
from portal.changes.views.change_page import (
    open_change,
    opened_ballot,
    page_context,
    show_page,
    show_refusal,
)
from portal.changes.views.recent_votes import extend_recent_auth
from portal.changes.workflow import comments, manual_resolution, review, submission
from portal.common.parsing import parse_db_integer


@require_safe
@require_rights()
def change(request: UserRequest, change_id: int) -> HttpResponse:
    """Show the page of one change; htmx gets only the new comment `said`, or the thread `settled`, if one is named."""
    shown = open_change(request, change_id)
    said, settled = (
        shown.find_comment(parse_db_integer(request.GET.get(name, "")) or 0) for name in ("said", "settled")
    )
    if said and request.htmx:
        return comment_views.added(request, shown, said)
    if settled and request.htmx:
        return comment_views.settled(request, shown, settled)
    change_opened.send(sender=Change, change_id=change_id, user=request.user)
    if shown.may_vote and shown.base_check:
        shown.base_check = review_reads.start_read(shown.base_check, by=request.user)
    ballot = SimpleLazyObject(lambda: opened_ballot(request, shown))  # it asks how the user confirms an act
    return show_page(request, shown, said=said, ballot=ballot)


@require_safe
@require_rights()
def status(request: UserRequest, change_id: int) -> HttpResponse:
    """Return the part of the page that updates, or 204 if the page is still of the version `seen`."""
    seen = request.GET.get("seen", "")
    stands = page_version.fetch_page_version(change_id, request.user)
    if stands is None:
        raise Http404
    if seen == stands:
        return HttpResponse(status=204)
    shown = open_change(request, change_id)
    number = seen.partition(".")[0]
    seen_revision = int(number) if number.isdecimal() and len(number) < 10 else 0
    context = {
        **page_context(request, shown),
        "moved": True,
        "token": f"{seen_revision}.{shown.token.partition('.')[2]}",
        "outdated": seen_revision != shown.change.revision,
    }
    return render(request, "changes/change.html#status", context)


@require_safe
@require_rights()
def history(request: UserRequest, change_id: int) -> HttpResponse:
    """Return the change's history as a fragment, for pages that load it on demand."""
    return render(request, "changes/_history_entries.html", {"moments": open_change(request, change_id).history})


@require_safe
@require_rights()
def new_comments(request: UserRequest, change_id: int) -> HttpResponse:
    """Return other users' comments after the comment `after`, the newest that a page shows; 204 if there are none.

    `since`: the newest comment when the page was opened.
    """
    newest = parse_db_integer(request.GET.get("after", "")) or 0
    more = comment_threads.has_newer_comments(newest, change_id, reader=request.user)
    if more is None:
        raise Http404
    if not more:
        return HttpResponse(status=204)
    since = parse_db_integer(request.GET.get("since", "")) or newest
    return comment_views.answer_new_comments(request, open_change(request, change_id), newest, since)


@returns_typed
@sensitive_post_parameters("password")
@require_POST
@require_rights()
def approve(request: UserRequest, change_id: int) -> HttpResponse:
    """Approve the revision that the page showed."""
    by = request.user
    return _vote(
        request,
        change_id,
        Verdict.APPROVE,
        lambda ballot: review.approve_change(change_id, by=by, **ballot.vote, review_proof=ballot.review_proof),
    )


@returns_typed
@sensitive_post_parameters("password")
@require_POST
@require_rights()
def reject(request: UserRequest, change_id: int) -> HttpResponse:
    """Reject the revision that the page showed, with a reason."""
    by = request.user
    return _vote(
        request, change_id, Verdict.REJECT, lambda ballot: review.reject_change(change_id, by=by, **ballot.vote)
    )


@returns_typed
@sensitive_post_parameters("password")
@require_POST
@require_rights()
def request_changes(request: UserRequest, change_id: int) -> HttpResponse:
    """Request another revision from the requester, with the text of what to change."""
    by = request.user
    return _vote(
        request,
        change_id,
        Verdict.REQUEST_CHANGES,
        lambda ballot: review.request_changes(change_id, by=by, **ballot.vote),
    )


@require_POST
@require_rights()
def withdraw(request: UserRequest, change_id: int) -> HttpResponse:
    """Withdraw the requester's own change."""
    return _act(request, change_id, lambda: submission.withdraw_change(change_id, by=request.user))


@returns_typed
@sensitive_post_parameters("text")
@require_POST
@require_rights()
def comment(request: UserRequest, change_id: int) -> HttpResponse:
    """Post a comment on the change, or an answer to a comment."""
    shown, form, code, said = open_change(request, change_id), CommentForm(request.POST), 422, None
    if is_expired(request):
        form.is_valid()
        form.refuse(expired_sentence(), rest=request.POST.get("text", ""))
    elif form.is_valid():
        try:
            said = comments.post_comment(change_id, form.remark, by=request.user)
        except RuleViolation as refusal:
            code, sentence = error_responses.violation_response(refusal, request)
            form.refuse(sentence, rest=refusal.rest if isinstance(refusal, ContainsSecret) else None)
    if said is not None:
        place = reverse("changes:change", args=[change_id])
        return HttpResponseRedirect(f"{place}?said={said.pk}#comment-{said.pk}")
    if request.htmx:
        return comment_views.refused(request, shown, form, status=code)
    return show_page(request, shown, status=code, talk=comment_views.talk(request, shown, form))


@sensitive_post_parameters("value", "password")
@require_POST
@require_rights()
def retry(request: UserRequest, change_id: int) -> HttpResponse:
    """Queue a failed change again under its old approvals."""
    form = RetryForm(request.POST, request=request)
    if not form.is_valid():
        return show_refusal(request, change_id, retry=form)

    def again() -> Change:
        return manual_resolution.retry_change(
            change_id, by=request.user, value=form.secret, recent_auth=form.recent_auth
        )

    return _act(request, change_id, again, retry=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights()
def recheck(request: UserRequest, change_id: int) -> HttpResponse:
    """Let the worker read the secret back again."""
    form = RecheckForm(request.POST, request=request)
    if not form.is_valid():
        return show_refusal(request, change_id, recheck=form)

    def look() -> Change:
        return manual_resolution.recheck_change(change_id, by=request.user, recent_auth=form.recent_auth)

    return _act(request, change_id, look, recheck=form)


@returns_typed
@sensitive_post_parameters("password")
@require_POST
@require_rights()
def resolve(request: UserRequest, change_id: int) -> HttpResponse:
    """Resolve manually a change whose outcome the worker cannot determine."""
    form = ResolveForm(request.POST, request=request)
    if not _is_ready(request, form):
        return show_refusal(request, change_id, resolve=form)

    def settle() -> Change:
        return manual_resolution.resolve_change(change_id, by=request.user, **form.found, recent_auth=form.recent_auth)

    return _act(request, change_id, settle, resolve=form)


def _is_ready(request: UserRequest, form: RecentAuthForm) -> bool:
    """Return whether the form may be used: it is valid, and was served in this session."""
    valid = form.is_valid()
    if is_expired(request):
        form.add_error(None, expired_sentence())
        return False
    return valid


def _vote(request: UserRequest, change_id: int, verdict: Verdict, cast: Callable[[VoteForm], Change]) -> HttpResponse:
    ballot = VoteForm(request.POST, request=request, verdict=verdict)
    if not _is_ready(request, ballot):
        return show_refusal(request, change_id, verdict=verdict, ballot=ballot)

    def vote() -> Change:
        voted = cast(ballot)
        extend_recent_auth(request, voted)
        return voted

    return _act(request, change_id, vote, verdict=verdict, ballot=ballot)


def _act(
    request: UserRequest,
    change_id: int,
    act: Callable[[], Change],
    verdict: Verdict | None = None,
    **forms: RecentAuthForm,
) -> HttpResponse:
    """Run the command and redirect, or show the page again with the rule that the command violates."""
    try:
        changed = act()
    except (RuleViolation, WrongState) as refusal:
        return show_refusal(request, change_id, refusal, verdict=verdict, **forms)
    except Change.DoesNotExist:
        raise Http404 from None
    messages.success(request, _done(changed, request))
    return _onward(request, changed)


def _done(changed: Change, request: UserRequest) -> str:
    action = request.resolver_match.url_name if request.resolver_match else ""
    if action == "approve" and changed.status == Status.PENDING:
        return _("You approved %s. It needs more approvals before it is sent.") % changed
    if action == "approve" and circuit_breaker.is_paused():
        return _("You approved %s. Delivery is paused; it is sent when delivery resumes.") % changed
    return {
        "approve": _("You approved %s. It is being sent to Segura."),
        "reject": _("You rejected %s."),
        "request_changes": _("You requested changes to %s. Waiting for the requester."),
        "withdraw": _("You withdrew %s."),
        "retry": _("%s is queued again."),
        "recheck": _("%s is being checked again."),
        "resolve": _("You resolved %s."),
    }[action or ""] % changed


def _onward(request: UserRequest, changed: Change) -> HttpResponseRedirect:
    """Redirect to the next change of the queue if the user came from there, else to the change."""
    place = QueueFilterForm(request.POST).place
    if request.POST.get("from") != "queue":
        page = reverse("changes:change", args=[changed.pk])
        return HttpResponseRedirect(f"{page}?{place.urlencode()}" if place else page)
    place.setdefault("open", str(changed.pk))
    return HttpResponseRedirect(f"{reverse('changes:queue')}?{place.urlencode()}")
