"""Views that resolve and reopen a thread of comments, and suggest whom to mention in one."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.changes.models import Change, Comment
from portal.changes.rules.guards import RuleViolation
from portal.changes.rules.viewers import suggest_viewers
from portal.changes.views.change_page import open_change, show_refusal
from portal.changes.workflow import threads


@require_POST
@require_rights()
def resolve_thread(request: UserRequest, change_id: int, thread_id: int) -> HttpResponse:
    """Resolve a thread of comments."""
    return _settle(request, change_id, thread_id, threads.resolve_thread)


@require_POST
@require_rights()
def reopen_thread(request: UserRequest, change_id: int, thread_id: int) -> HttpResponse:
    """Reopen a resolved thread of comments."""
    return _settle(request, change_id, thread_id, threads.reopen_thread)


@require_safe
@require_rights()
def mentionable(request: UserRequest, change_id: int) -> HttpResponse:
    """Return the users whom a comment may mention and whose names begin with `q`, as options of a list."""
    change = get_object_or_404(Change.objects.visible_to(request.user), pk=change_id)
    found = suggest_viewers(change, request.GET.get("q", ""), to=request.user)
    return render(request, "changes/_mentionable.html", {"people": found})


def _settle(request: UserRequest, change_id: int, thread_id: int, act: Callable[..., Comment]) -> HttpResponse:
    try:
        thread = act(change_id, thread_id, by=request.user)
    except (Change.DoesNotExist, Comment.DoesNotExist):
        raise Http404 from None
    except RuleViolation as refusal:
        return show_refusal(request, change_id, refusal)
    number = open_change(request, change_id).comments.page_of(thread.pk)
    page = reverse("changes:change", args=[change_id])
    return HttpResponseRedirect(f"{page}?comments={number}&settled={thread.pk}#thread-{thread.pk}")
