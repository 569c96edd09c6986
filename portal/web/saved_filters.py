"""Saved filters of a list: a person's own names for addresses of it, which anybody who may open the list can share.

In the view of a list that NAVIGATION names:

    context = {..., "saved": saved.load_saved_filters(request, "audit:events", {"code": "4xx"})}

and in its template, within the part that htmx exchanges, so that it saves what is shown:

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
from portal.web.context_processors import NAVIGATION
from portal.web.forms import SavedFilterForm
from portal.web.models import SavedFilter

MOST = 30
"""As many for a page as still can be looked through."""


@dataclass(frozen=True)
class SavedFilters:
    """The person's filters of a page, and what the page is asked for now."""

    page: str
    query: str
    rows: list[SavedFilter]

    @property
    def current(self) -> str:
        """The name under which what is shown is saved already; '' for none."""
        return next((row.name for row in self.rows if row.query == self.query), "")


def load_saved_filters(request: UserRequest, page: str, asked: Mapping[str, str]) -> SavedFilters:
    """What the list needs to show and to save: one question."""
    return SavedFilters(page, urlencode(asked), list(SavedFilter.objects.filter(person=request.user, page=page)))


@require_POST
@require_rights()
def save_filter(request: UserRequest) -> HttpResponse:
    """Save the address of a list under a name; a name one has already, in any spelling, is given the new address.

    Raises LimitReached, which is a page that keeps the name.
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
    """Save it and return '', or the sentence why not. Raises LimitReached."""
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
    """Delete an own filter."""
    found = get_object_or_404(SavedFilter, pk=saved, person=request.user)
    found.delete()
    messages.success(request, _("The filter %(name)s is deleted.") % {"name": found.name})
    return _back(found.page, "")


def _pages(user: User) -> list[str]:
    """The lists this person may open."""
    return [entry.view for entry in NAVIGATION if entry.rights & rights_of(user)]


def _back(page: str, query: str) -> HttpResponse:
    if not page:
        return redirect("home")
    return redirect(f"{reverse(page)}?{query}" if query else reverse(page))
