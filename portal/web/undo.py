"""Undo: what was deleted, or marked as read, waits in the session of the user for a short time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.models import User

SECONDS = 60
"""Longer than the message is shown with JavaScript, so that a page without it leaves time to read."""
UNDO_TAG = "undo"
_SESSION_KEY = "undo"
Restore = Callable[[User, dict[str, Any]], bool]
_RESTORERS: dict[str, Restore] = {}


def register_restorer(kind: str, restore: Restore) -> None:
    """Register the function that undoes an act of this kind; it returns False if that is not possible any more."""
    _RESTORERS[kind] = restore


def offer_undo(request: UserRequest, kind: str, row: dict[str, Any], text: str, *, address: str) -> None:
    """Show the message `text` with a button that restores `row` and leads to `address`."""
    request.session[_SESSION_KEY] = {"kind": kind, "row": row, "at": time.time(), "address": address}
    messages.success(request, text, extra_tags=UNDO_TAG)


@require_POST
@require_rights()
def undo_deletion(request: UserRequest) -> HttpResponse:
    """Restore what the user has deleted or marked last, in this session and within SECONDS."""
    deleted = request.session.pop(_SESSION_KEY, None)
    if deleted is None or time.time() - deleted["at"] > SECONDS:
        messages.error(request, _("It is too late to undo this. Nothing was restored."))
        return redirect("home")
    if _RESTORERS[deleted["kind"]](request.user, deleted["row"]):
        messages.success(request, _("Restored."))
    else:
        messages.error(request, _("Nothing was restored: a newer one has taken its place."))
    return redirect(deleted["address"])
