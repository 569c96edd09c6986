"""The list of secrets, and how its synchronisation stands."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import roles
from portal.accounts.access import PersonRequest, limited, requires
from portal.accounts.roles import Right
from portal.catalog import directory, tasks
from portal.catalog.forms import SecretFilter
from portal.catalog.models import ApiSecret
from portal.catalog.standing import Standing, standing
from portal.pages import keyset
from portal.pages.numbers import whole

PAGE = 25
_MAY_READ = (Right.PROPOSE, Right.DECIDE, Right.OPERATE)
_MAY_SYNCHRONISE = (Right.OPERATE, Right.PROPOSE)


@require_safe
@requires(*_MAY_READ)
def secrets(request: PersonRequest) -> HttpResponseBase:
    """Search, filter and page through what Segura lists. `like`: to choose one for which to propose as that change."""
    form = SecretFilter(request.GET)
    like = request.GET.get("like", "")
    cursor = request.GET.get("at", "")
    page = keyset.page(form.secrets(), order=("folded", "identifier"), cursor=cursor, size=PAGE)
    context = {
        "form": form,
        "page": page,
        "like": like if whole(like) is not None else "",
        "asked": bool(request.GET.get("q") or request.GET.get("show")),
        "any": bool(page.rows) or ApiSecret.objects.exists(),
        **_panel(request, standing()),
    }
    return render(request, "catalog/secrets.html", context)


@require_safe
@requires(*_MAY_READ)
def sync_state(request: PersonRequest) -> HttpResponseBase:
    """The panel for a page that watches a synchronisation; 204 while it sees what there is to see."""
    now = standing()
    if request.GET.get("phase") == now.phase:
        return HttpResponse(status=204)
    response = render(request, "catalog/secrets.html#sync", _panel(request, now))
    if not now.under_way:
        response["HX-Trigger-After-Swap"] = "catalog-synced"
    return response


@require_safe
@requires(Right.PROPOSE)
def names(request: PersonRequest) -> HttpResponseBase:
    """Names for the list that one is being typed into, which the field's own name says: `users_allowed-3-name=ana`."""
    row = next(iter(request.GET), "")
    found = directory.search(row.partition("-")[0], request.GET.get(row, ""))
    return render(request, "catalog/_names.html", {"names": found})


@require_POST
@requires(*_MAY_SYNCHRONISE)
@limited("synchronisation")
def synchronise(request: PersonRequest) -> HttpResponseBase:
    """Ask for a synchronisation now; the list's page shows how it goes."""
    tasks.ask(by=request.user.username)
    return redirect("catalog:secrets")


def _panel(request: PersonRequest, now: Standing) -> dict[str, object]:
    may = not roles.rights_of(request.user).isdisjoint(_MAY_SYNCHRONISE)
    return {"standing": now, "may_synchronise": may}
