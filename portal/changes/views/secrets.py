"""View of the list of secrets, each with its open change and its last one."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.catalog.models import ApiSecret
from portal.catalog.views import MAY_READ, sync_panel
from portal.changes.forms.secrets import SecretListForm
from portal.changes.presenters import secret_list
from portal.common.parsing import parse_db_integer
from portal.web import keyset

PAGE = 25


@require_safe
@require_rights(*MAY_READ)
def secrets(request: UserRequest) -> HttpResponseBase:
    """Show the secrets that Segura lists, with search, filter and pages.

    `like` is the number of a change; the user picks a secret to propose the same change for.
    """
    form = SecretListForm(request.GET)
    like = request.GET.get("like", "")
    cursor = request.GET.get("at", "")
    found = secret_list.with_change_ids(form.secrets())
    page = keyset.paginate_by_keyset(found, order=("folded", "identifier"), cursor=cursor, size=PAGE)
    context = {
        "form": form,
        "page": page,
        "rows": secret_list.build_secret_list(page.rows, reader=request.user),
        "like": like if parse_db_integer(like) is not None else "",
        "asked": bool(request.GET.get("q") or request.GET.get("show")),
        "any": bool(page.rows) or ApiSecret.objects.exists(),
        **sync_panel(request),
    }
    return render(request, "catalog/secrets.html", context)
