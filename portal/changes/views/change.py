"""One change: its page, its status as it moves, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Subquery
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.access import PersonRequest, requires
from portal.changes import aftermath, workflow
from portal.changes.forms.ballot import BallotForm, CloseForm, RetryForm
from portal.changes.models import Breaker, Change, Status
from portal.changes.reading import dossier, refusals
from portal.changes.reading.dossier import Dossier
from portal.changes.rules import ReasonMissing, Refused, StaleRevision, ValueDiffers
from portal.changes.transitions import WrongState
from portal.changes.views import desk


@require_safe
@requires()
def change(request: PersonRequest, change_id: int) -> HttpResponse:
    """Everything about one change."""
    return _page(request, _open(request, change_id))


@require_safe
@requires()
def status(request: PersonRequest, change_id: int) -> HttpResponse:
    """The part of the page that moves; 204 while nothing has moved since `seen`."""
    seen = request.GET.get("seen", "")
    found = Change.objects.visible_to(request.user).filter(pk=change_id)
    paused = Subquery(Breaker.objects.exclude(opened_at=None).values("next_at"))
    standing = found.values_list("revision", "status", "updated_at", paused).first()
    if standing is None:
        raise Http404
    if seen == dossier.token(*standing):
        return HttpResponse(status=204)
    shown = _open(request, change_id)
    number = seen.partition(".")[0]
    seen_revision = int(number) if number.isdecimal() and len(number) < 10 else 0
    context = {
        **_context(shown),
        "moved": True,
        "ballot": BallotForm(kept=True),
        "token": f"{seen_revision}.{shown.token.partition('.')[2]}",
        "outdated": seen_revision != shown.change.revision,
    }
    return render(request, "changes/change.html#status", context)


@require_POST
@requires()
def approve(request: PersonRequest, change_id: int) -> HttpResponse:
    """Vote for the revision that the page showed."""
    return _vote(request, change_id, workflow.approve)


@require_POST
@requires()
def reject(request: PersonRequest, change_id: int) -> HttpResponse:
    """Vote against it, with a reason."""
    return _vote(request, change_id, workflow.reject)


@require_POST
@requires()
def withdraw(request: PersonRequest, change_id: int) -> HttpResponse:
    """The requester takes it back."""
    return _act(request, change_id, lambda: workflow.withdraw(change_id, by=request.user))


@sensitive_post_parameters("value")
@require_POST
@requires()
def retry(request: PersonRequest, change_id: int) -> HttpResponse:
    """Queue a failed change again under its old approvals."""
    form = RetryForm(request.POST)
    if not form.is_valid():
        return _refused(request, change_id, retry=form)
    return _act(request, change_id, lambda: aftermath.retry(change_id, by=request.user, value=form.secret), retry=form)


@require_POST
@requires()
def recheck(request: PersonRequest, change_id: int) -> HttpResponse:
    """Let the portal read the vault again."""
    return _act(request, change_id, lambda: aftermath.recheck(change_id, by=request.user))


@require_POST
@requires()
def close(request: PersonRequest, change_id: int) -> HttpResponse:
    """Say what became of a change that the portal cannot settle."""
    form = CloseForm(request.POST)
    if not form.is_valid():
        return _refused(request, change_id, close=form)
    return _act(
        request, change_id, lambda: aftermath.close(change_id, by=request.user, **form.cleaned_data), close=form
    )


def _vote(request: PersonRequest, change_id: int, cast: Callable[..., Change]) -> HttpResponse:
    ballot = BallotForm(request.POST)
    if not ballot.is_valid():
        return _refused(request, change_id, ballot=ballot)
    return _act(request, change_id, lambda: cast(change_id, by=request.user, **ballot.vote), ballot=ballot)


def _act(request: PersonRequest, change_id: int, act: Callable[[], Change], **forms: Any) -> HttpResponse:
    """Do it and go on, or show the page again with the rule that refused it."""
    try:
        changed = act()
    except (Refused, WrongState) as refusal:
        return _refused(request, change_id, refusal, **forms)
    except Change.DoesNotExist:
        raise Http404 from None
    messages.success(request, _done(changed, request))
    return _onward(request, changed)


def _done(changed: Change, request: PersonRequest) -> str:
    action = request.resolver_match.url_name if request.resolver_match else ""
    if action == "approve" and changed.status == Status.PENDING:
        return _("You approved %s. It needs more approvals before it is sent.") % changed
    return {
        "approve": _("You approved %s. It is on its way to Segura."),
        "reject": _("You rejected %s."),
        "withdraw": _("You withdrew %s."),
        "retry": _("%s is queued again."),
        "recheck": _("%s is being checked again."),
        "close": _("You closed %s."),
    }[action or ""] % changed


def _onward(request: PersonRequest, changed: Change) -> HttpResponseRedirect:
    """Back to the queue, at the next change, for whoever came from there; else to the change."""
    if request.POST.get("from") != "queue":
        return HttpResponseRedirect(reverse("changes:change", args=[changed.pk]))
    place = {name: value for name in ("q", "at") if (value := request.POST.get(name, ""))}
    return HttpResponseRedirect(f"{reverse('changes:queue')}?{urlencode({'open': changed.pk, **place})}")


def _refused(
    request: PersonRequest, change_id: int, refusal: Refused | WrongState | None = None, **forms: Any
) -> HttpResponse:
    """The page where it happened, with the sentence and with what was typed; never with a secret value."""
    shown = _open(request, change_id)
    code, context = 422, forms
    if refusal is not None:
        code, sentence = refusals.answer(refusal, request)
        context |= _told(shown, refusal, sentence, **forms)
    if request.htmx and request.POST.get("from") == "queue":
        panel = desk.Panel(shown.row, may_vote=shown.may_vote, **context)
        return desk.show_queue(request, request.POST, panel=panel, status=code)
    return _page(request, shown, status=code, **context)


def _told(
    shown: Dossier,
    refusal: Refused | WrongState,
    sentence: str,
    *,
    ballot: BallotForm | None = None,
    retry: RetryForm | None = None,
    close: CloseForm | None = None,  # noqa: ARG001 - its own field requires the reason
) -> dict[str, Any]:
    """The sentence at the field it is about, else above the change, with what was revised meanwhile."""
    if ballot and isinstance(refusal, ReasonMissing):
        ballot.add_error("reason", sentence)
        return {}
    if retry and isinstance(refusal, ValueDiffers):
        retry.add_error("value", sentence)
        return {}
    seen = ballot.cleaned_data["revision"] if ballot and isinstance(refusal, StaleRevision) else shown.change.revision
    return {"refusal": {"sentence": sentence, "difference": shown.difference_from(seen), "seen": seen}}


def _open(request: PersonRequest, change_id: int) -> Dossier:
    try:
        return dossier.open_for(change_id, request.user)
    except Change.DoesNotExist:
        raise Http404 from None


def _context(shown: Dossier) -> dict[str, Any]:
    return {
        "shown": shown,
        "change": shown.change,
        "token": shown.token,
        "ballot": BallotForm(),
        "retry": RetryForm(),
        "close": CloseForm(),
    }


def _page(request: PersonRequest, shown: Dossier, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, "changes/change.html", {**_context(shown), **more}, status=status)
