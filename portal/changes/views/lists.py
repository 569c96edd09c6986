"""Lists of changes: a requester's own, and all that a user may open."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.changes.approvals import valid_votes
from portal.changes.forms.filters import ChangeFilterForm, OwnChangeFilterForm
from portal.changes.models import Change, ChangeQuerySet
from portal.changes.models.change import requester_acts_filter
from portal.changes.presenters import change_rows, own_changes
from portal.web import keyset, saved_filters
from portal.web.htmx import fragment_name

_SIZE = 25


@require_safe
@require_rights(Right.PROPOSE)
def mine(request: UserRequest) -> HttpResponse:
    """Show the user's own changes: those that need the user, those in progress, those closed."""
    form = OwnChangeFilterForm(request.GET)
    own = change_rows.with_row_data(form.narrow(Change.objects.proposed_by(request.user)))
    deciders = valid_votes.list_deciders()
    waiting = requester_acts_filter(request.user)
    rest = own.exclude(waiting)
    pages = {
        name: keyset.paginate_by_keyset(found, order=("-id",), cursor=request.GET.get(cursor, ""), size=_SIZE)
        for name, found, cursor in (("open", rest.open(), "open_at"), ("ended", rest.ended(), "at"))
    }
    needs_you, in_progress, closed = change_rows.build_row_lists(
        own.filter(waiting).order_by("-updated_at")[: own_changes.NEEDS_SHOWN],
        pages["open"].rows,
        pages["ended"].rows,
        reader=request.user,
        deciders=deciders,
    )
    context: dict[str, Any] = {
        "form": form,
        "asked": form.asked(),
        "needs_you": needs_you,
        "open": {"page": pages["open"], "rows": in_progress},
        "ended": {"page": pages["ended"], "rows": closed},
        "shown": len(needs_you) + len(in_progress) + len(closed),
    }
    return render(request, fragment_name(request, "changes/mine.html", "found"), context)


@require_safe
@require_rights(Right.PROPOSE, Right.AUDIT, Right.OPERATE, Right.DECIDE)
def all_changes(request: UserRequest) -> HttpResponse:
    """Show every change, the newest first; send a user who may open only their own changes to those."""
    if not ChangeQuerySet.sees_all(request.user):
        return redirect(f"{reverse('changes:mine')}?{request.GET.urlencode()}".removesuffix("?"))
    form = ChangeFilterForm(request.GET)
    found = change_rows.with_row_data(form.narrow(Change.objects.all()))
    page = keyset.paginate_by_keyset(found, order=("-id",), cursor=request.GET.get("at", ""), size=_SIZE)
    context = {
        "form": form,
        "page": page,
        "rows": change_rows.build_rows(page.rows, reader=request.user),
        "asked": form.asked(),
        "saved": saved_filters.load_saved_filters(request, "changes:all", form.asked()),
    }
    return render(request, fragment_name(request, "changes/all.html", "found"), context)
