"""Pages of the log by subject: a user, a secret, and the search for both."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.audit.forms import DateForm, PeriodForm, SearchForm
from portal.audit.log_views import record_log_view
from portal.audit.models import Event
from portal.audit.reports import access as reports
from portal.audit.reports import activity
from portal.audit.sealing.status import get_seal_status
from portal.web import keyset

_CHANGES = 15
_NEWEST = 25


@require_safe
@require_rights(Right.AUDIT)
def find(request: UserRequest) -> HttpResponse:
    """Search the log for a name or number; redirect to the page of a single result."""
    form = SearchForm(request.GET if "q" in request.GET else None)
    context = {"form": form, "standing": get_seal_status()}
    if not form.is_valid():
        return render(request, "audit/search.html", context, status=422 if form.is_bound else 200)
    text = form.cleaned_data["q"]
    found = activity.search_log(text, form.number())
    record_log_view(request, "find", filters={"q": text})
    if len(found) == 1:
        return redirect(_page_of(found))
    return render(request, "audit/search.html", context | {"q": text, "found": found})


@require_safe
@require_rights(Right.AUDIT)
def person(request: UserRequest, username: str) -> HttpResponse:
    """Show what a user did in a period: numbers that link to their events, and the newest of these."""
    username = User.objects.spell_as_account(username)
    form = PeriodForm(request.GET)
    context = {"username": username, "form": form, "standing": get_seal_status()}
    if not form.is_valid():
        return render(request, "audit/user.html", context, status=422)
    period = form.period()
    rows = activity.events_by_user(username, period)[:_NEWEST]
    context |= {"period": period, "asked": form.asked(), "acts": activity.count_actions(username, period), "rows": rows}
    record_log_view(request, "person", person=username, filters=form.asked())
    return render(request, "audit/user.html", context)


@require_safe
@require_rights(Right.AUDIT)
def access(request: UserRequest, kind: str, username: str) -> HttpResponse:
    """Show the access of a user or a group of Segura: rights, since when, by which change, approved by which users."""
    found = reports.load_subject_access(kind, username, cursor=request.GET.get("at", ""))
    record_log_view(request, "access", **{kind: username})
    context = {
        "kind": kind,
        "name": username,
        "username": username,
        "access": found,
        "newer": found.newer and f"?at={found.newer}",
        "older": found.older and f"?at={found.older}",
        "standing": get_seal_status(),
    }
    return render(request, "audit/access.html", context)


@require_safe
@require_rights(Right.AUDIT)
def secret(request: UserRequest, identifier: int) -> HttpResponse:
    """Show every change of one secret, and which users and groups could use it at the end of a day."""
    date_form = DateForm(request.GET)
    context = {"identifier": identifier, "standing": get_seal_status(), "date_form": date_form}
    if not date_form.is_valid():
        return render(request, "audit/secret.html", context, status=422)
    proposed = Event.objects.filter(secret=identifier, action=activity.SUBMITTED)
    page = keyset.paginate_by_keyset(proposed, order=("-id",), cursor=request.GET.get("at", ""), size=_CHANGES)
    told = activity.build_change_stories(page.rows)
    record_log_view(request, "secret", secret=identifier)
    context |= {
        "name": told[0].proposed.data.get("secret_name", "") if told else "",
        "stories": told,
        "newer": page.newer and f"?at={page.newer}",
        "older": page.older and f"?at={page.older}",
        "access": reports.load_access_at(identifier, date_form.day()),
    }
    return render(request, "audit/secret.html", context)


def _page_of(found: activity.SearchResults) -> str:
    if found.changes:
        return reverse("audit:change_timeline", args=found.changes)
    if found.secrets:
        return reverse("audit:secret", args=found.secrets[0][:1])
    if found.people:
        return reverse("audit:person", args=found.people)
    subject = found.subjects[0]
    return reverse(f"audit:{subject.kind}_access", args=[subject.name])
