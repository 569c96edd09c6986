"""One API secret: what it holds now, who may use it, and what was and is to be changed about it."""

from __future__ import annotations

from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts import keyset, roles
from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right
from portal.catalog.details import CannotRead, Details, read_details
from portal.catalog.models import ApiSecret
from portal.changes import visibility
from portal.changes.models import Change

PAGE = 15


@never_cache
@require_safe
@requires(Right.PROPOSE, Right.DECIDE, Right.OPERATE)
def secret(request: PersonRequest, identifier: int) -> HttpResponseBase:
    """The page of one secret.

    Its details are read live when a person opens it, which Segura counts as a view; paging through its history
    (`?at=`) reads nothing again.
    """
    found = ApiSecret.objects.filter(pk=identifier).first()
    if found is None:
        raise Http404(visibility.NO_SUCH_SECRET)
    cursor = request.GET.get("at", "")
    changes = Change.objects.of_secret(identifier).select_related("requester")
    page = keyset.page(changes, order=("-id",), cursor=cursor, size=PAGE)
    context = {
        "secret": found,
        "page": page,
        "rows": [visibility.sighting(change, request.user) for change in page.rows],
    }
    if request.htmx:
        return render(request, "changes/secret.html#history", context)
    details, obstacle = (None, "") if cursor or request.method == "HEAD" else _read(identifier, request.user.username)
    context |= {
        "details": details,
        "unreadable": obstacle,
        "reread": bool(cursor),
        "others": visibility.open_changes(identifier, request.user),
        "may_propose": roles.holds(request.user, Right.PROPOSE),
        "proposers": roles.groups_with(Right.PROPOSE),
    }
    return render(request, "changes/secret.html", context)


def _read(identifier: int, by: str) -> tuple[Details | None, str]:
    try:
        return read_details(identifier, by=by), ""
    except CannotRead as error:
        return None, error.failure.sentence
