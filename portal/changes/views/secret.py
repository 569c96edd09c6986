"""View of one API secret: its current values, who may use it, and its changes."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.catalog.details import DetailsUnavailable, SecretDetails, fetch_details_for_user
from portal.catalog.models import ApiSecret
from portal.changes.models import Change
from portal.changes.models.draft import Draft
from portal.changes.presenters import change_rows, secret_access
from portal.vault import FIELDS, SECRET_FIELD, SHARE_FIELDS
from portal.web import keyset

PAGE = 15


@require_safe
@require_rights(Right.PROPOSE, Right.DECIDE, Right.OPERATE)
def secret(request: UserRequest, identifier: int) -> HttpResponseBase:
    """Show the page of one secret.

    Its details are read live when a user opens the page, which Segura counts as a view; paging through the changes
    (`?at=`) reads nothing again.
    """
    found = get_object_or_404(ApiSecret, pk=identifier)
    cursor = request.GET.get("at", "")
    history = change_rows.with_row_data(Change.objects.of_secret(identifier))
    page = keyset.paginate_by_keyset(history, order=("-id",), cursor=cursor, size=PAGE)
    context: dict[str, Any] = {"secret": found, "page": page}
    if request.htmx:
        (context["rows"],) = change_rows.build_row_lists(page.rows, reader=request.user)
        return render(request, "changes/secret.html#history", context)
    may_propose = roles.has_right(request.user, Right.PROPOSE)
    context["rows"], others = change_rows.build_row_lists(
        page.rows, change_rows.open_changes_of_secret(identifier)[: change_rows.OPEN_SHOWN], reader=request.user
    )
    details, obstacle = (None, "") if cursor or request.method == "HEAD" else _read(identifier, request.user.username)
    whole = None if page.newer or page.older else page.rows
    context |= {
        "details": details,
        "values": _values(details) if details else [],
        "access": (
            secret_access.load_access(identifier, details.fields, reader=request.user, history=whole) if details else []
        ),
        "unreadable": obstacle,
        "reread": bool(cursor),
        "others": others,
        "draft": Draft.objects.of(request.user).filter(secret=identifier).first() if may_propose else None,
        "may_propose": may_propose,
        "proposers": "" if may_propose else roles.group_names_with_right(Right.PROPOSE),
    }
    return render(request, "changes/secret.html", context)


def _values(details: SecretDetails) -> list[tuple[str, object]]:
    """Return field and value in Segura's order; for the client secret only whether Segura showed it."""
    known = {**details.fields, SECRET_FIELD: bool(details.secret_fingerprint)}
    return [(name, known[name]) for name in FIELDS if name not in SHARE_FIELDS]


def _read(identifier: int, by: str) -> tuple[SecretDetails | None, str]:
    try:
        return fetch_details_for_user(identifier, by=by), ""
    except DetailsUnavailable as error:
        return None, error.failure.sentence
