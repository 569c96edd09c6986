"""Views of the list of secrets and of its synchronisation."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.roles import Right
from portal.catalog import directory, secret_rows, tasks
from portal.catalog.forms import SecretFilterForm
from portal.catalog.models import ApiSecret
from portal.catalog.sync_status import SyncStatus, get_sync_status
from portal.common.parsing import parse_db_integer
from portal.web import keyset

PAGE = 25
_MAY_READ = (Right.PROPOSE, Right.DECIDE, Right.OPERATE)
_MAY_SYNCHRONISE = (Right.OPERATE, Right.PROPOSE)


@require_safe
@require_rights(*_MAY_READ)
def secrets(request: UserRequest) -> HttpResponseBase:
    """Show the secrets that Segura lists, with search, filter and pages.

    `like` is the number of a change; the user picks a secret to propose the same change for.
    """
    form = SecretFilterForm(request.GET)
    like = request.GET.get("like", "")
    cursor = request.GET.get("at", "")
    page = keyset.paginate_by_keyset(form.secrets(), order=("folded", "identifier"), cursor=cursor, size=PAGE)
    context = {
        "form": form,
        "page": page,
        "rows": secret_rows.build_secret_rows(page.rows),
        "like": like if parse_db_integer(like) is not None else "",
        "asked": bool(request.GET.get("q") or request.GET.get("show")),
        "any": bool(page.rows) or ApiSecret.objects.exists(),
        **_panel(request, get_sync_status()),
    }
    return render(request, "catalog/secrets.html", context)


@require_safe
@require_rights(*_MAY_READ)
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


def _panel(request: UserRequest, now: SyncStatus) -> dict[str, object]:
    may = not roles.rights_of(request.user).isdisjoint(_MAY_SYNCHRONISE)
    return {"standing": now, "may_synchronise": may}
