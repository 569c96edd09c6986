"""Saved filters of a list: named URLs of a user, which can be shared with every user who may open the list.

In the view of a list that NAVIGATION names:

    context = {..., "saved": saved_filters.load_saved_filters(request, "audit:events", {"code": "4xx"})}

and in its template, within the part that htmx replaces, so that the filter on screen is saved:

    {% include "_saved_filters.html" %}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.accounts.roles import rights_of
from portal.accounts.user_lock import lock_user
from portal.common.name_folding import find_same_name
from portal.web import undo
from portal.web.context_processors import NAVIGATION
from portal.web.forms import SavedFilterForm
from portal.web.models import SavedFilter

MOST = 30
"""Most filters per user and page, so that the menu stays readable."""


@dataclass(frozen=True)
class SavedFilters:
    """Saved filters of a user for a page, and the current query string of the page."""

    page: str
    query: str
    rows: list[SavedFilter]

    @property
    def current(self) -> str:
        """Name under which the current filter is already saved; '' if it is not."""
        return next((row.name for row in self.rows if row.query == self.query), "")


def load_saved_filters(request: UserRequest, page: str, asked: Mapping[str, str]) -> SavedFilters:
    """Load the context that a list needs to show and to save filters, with one query."""
    return SavedFilters(page, urlencode(asked), list(SavedFilter.objects.filter(person=request.user, page=page)))


@require_POST
@require_rights()
def save_filter(request: UserRequest) -> HttpResponse:
    """Save the URL of a list under a name; replace the URL of a filter with that name in any spelling.

    Raises LimitReached, whose page keeps the name.
    """
    form = SavedFilterForm(request.POST, pages=_pages(request.user))
    if not form.is_valid():
        messages.error(request, form.sentence())
        return _back(form.page_asked(), form.query_asked())
    page, query, name = form.page_asked(), form.query_asked(), form.cleaned_data["name"]
    refused = _save(request.user, page, name, query)
    if refused:
        messages.error(request, refused)
    else:
        messages.success(request, _("Saved as %(name)s. Its address can be shared.") % {"name": name})
    return _back(page, query)


@transaction.atomic
def _save(person: User, page: str, name: str, query: str) -> str:
    """Save the filter and return '', or the message why it was not saved. Raises LimitReached."""
    lock_user(person)
    count_act(person, "filter")
    own = list(SavedFilter.objects.filter(person=person, page=page))
    same = find_same_name(own, name)
    if len(own) >= MOST and same is None:
        return _("The filter %(name)s was not saved: this page has %(number)s filters. Delete one, then save it.") % {
            "name": name,
            "number": MOST,
        }
    if same is None:
        SavedFilter.objects.create(person=person, page=page, name=name, query=query)
    else:
        SavedFilter.objects.filter(pk=same.pk).update(name=name, query=query)
    return ""


@require_POST
@require_rights()
def delete_filter(request: UserRequest, saved: int) -> HttpResponse:
    """Delete a filter of the user's own."""
    found = get_object_or_404(SavedFilter, pk=saved, person=request.user)
    row = {"page": found.page, "name": found.name, "query": found.query}
    found.delete()
    text = _("The filter %(name)s is deleted.") % {"name": found.name}
    undo.offer_undo(request, "filter", row, text, address=f"{reverse(found.page)}?{found.query}")
    return _back(found.page, "")


@transaction.atomic
def _restore(person: User, row: dict[str, str]) -> bool:
    """Create the deleted filter again; returns False if the user has another one of this name now."""
    lock_user(person)
    own = list(SavedFilter.objects.filter(person=person, page=row["page"]))
    if find_same_name(own, row["name"]) or len(own) >= MOST:
        return False
    SavedFilter.objects.create(person=person, **row)
    return True


undo.register_restorer("filter", _restore)


def _pages(user: User) -> list[str]:
    """Return the lists that the user may open."""
    return [entry.view for entry in NAVIGATION if entry.rights & rights_of(user)]


def _back(page: str, query: str) -> HttpResponse:
    if not page:
        return redirect("home")
    return redirect(f"{reverse(page)}?{query}" if query else reverse(page))
