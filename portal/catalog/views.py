"""Views of the synchronisation of the list of secrets, and of name suggestions.

The page of the list belongs to the changes app, whose data it shows too.
"""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.roles import Right
from portal.catalog import directory, tasks
from portal.catalog.sync_status import SyncStatus, get_sync_status

MAY_READ = (Right.PROPOSE, Right.DECIDE, Right.OPERATE)
_MAY_SYNCHRONISE = (Right.OPERATE, Right.PROPOSE)


@require_safe
@require_rights(*MAY_READ)
def sync_state(request: UserRequest) -> HttpResponseBase:
    """Return the sync panel for a page that polls it; 204 while its phase is unchanged."""
    now = get_sync_status()
    if request.GET.get("phase") == now.phase:
        return HttpResponse(status=204)
    response = render(request, "catalog/secrets.html#sync", _panel(request, now))
    if not now.under_way:
        response["HX-Trigger-After-Swap"] = "catalog-synced"
    return response


@require_safe
@require_rights(Right.PROPOSE)
def names(request: UserRequest) -> HttpResponseBase:
    """Return name suggestions for the share field that the user types in.

    The query's only parameter is named after that field, as in `users_allowed-3-name=ana`.
    """
    row = next(iter(request.GET), "")
    found = directory.search_names(row.partition("-")[0], request.GET.get(row, ""))
    return render(request, "catalog/_names.html", {"names": found})


@require_POST
@require_rights(*_MAY_SYNCHRONISE)
@limit_acts("synchronisation")
def synchronise(request: UserRequest) -> HttpResponseBase:
    """Request a synchronisation now; the page of the list shows its progress."""
    tasks.request_sync(by=request.user.username)
    return redirect("catalog:secrets")


def sync_panel(request: UserRequest) -> dict[str, object]:
    """Return the context of the sync panel."""
    return _panel(request, get_sync_status())


def _panel(request: UserRequest, now: SyncStatus) -> dict[str, object]:
    may = not roles.rights_of(request.user).isdisjoint(_MAY_SYNCHRONISE)
    return {"standing": now, "may_synchronise": may}
