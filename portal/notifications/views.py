"""Views of the inbox, of the unread count on every page, and of the preferences."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.devices import list_devices
from portal.accounts.factors.requirement import is_factor_missing
from portal.changes.models import Change
from portal.notifications import inbox as notices
from portal.notifications import inbox_page, subscriptions
from portal.notifications.forms import PreferencesForm
from portal.web import undo
from portal.web.time_zones import list_time_zones

undo.register_restorer("read", notices.restore_unread)


@require_safe
@require_rights()
def inbox(request: UserRequest) -> HttpResponse:
    """Show the user's notifications, one entry per change, the newest first. `show`: a filter of inbox_page.FILTERS."""
    only = request.GET.get("show", "")
    shown = inbox_page.load_inbox(request.user, only, request.GET.get("at", ""))
    context = {"shown": shown, "only": only if only in inbox_page.FILTERS else "", "filters": inbox_page.FILTERS}
    return render(request, "notifications/inbox.html", context)


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """Return the number of unread notifications for pages that poll it; 204 if it equals `seen`.

    A signed-out user gets 204 and no redirect to the sign-in page, because the open page may contain unsaved input.
    """
    person = request.user
    if not person.is_authenticated or is_factor_missing(request):
        return HttpResponse(status=204)
    number = notices.count_unread(person)
    if request.GET.get("seen", "") == number:
        return HttpResponse(status=204)
    return render(request, "notifications/_count.html", {"unread_count": number})


@require_POST
@require_rights()
def read(request: UserRequest) -> HttpResponse:
    """Mark the notifications of one change as read, or all up to the newest one that the page showed."""
    one, up_to = (_number(request, name) for name in ("notice", "up_to"))
    if one is None and up_to is None:
        raise BadRequest(_("Select the notification that was read."))
    if one is not None:
        notices.mark_read(request.user, one)
    elif read_at := notices.mark_all_read(request.user, up_to or 0):
        marked, address = {"read_at": read_at.isoformat()}, reverse("notifications:inbox")
        undo.offer_undo(request, "read", marked, _("All notifications marked as read."), address=address)
    return redirect("notifications:inbox")


@require_POST
@require_rights()
def subscribe(request: UserRequest, change_id: int) -> HttpResponse:
    """Watch or mute a change that the user may open, or have the usual notifications again."""
    change = get_object_or_404(Change.objects.visible_to(request.user), pk=change_id)
    level = request.POST.get("level", "")
    if level not in subscriptions.CHOICES:
        raise BadRequest("level")  # no button of ours sends another one
    subscriptions.save_level(request.user, change.pk, level)
    return redirect("changes:change", change.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@require_rights()
def preferences(request: UserRequest) -> HttpResponse:
    """Show all preferences and the signed-in devices; save the language, the time zone and the notifications."""
    form = PreferencesForm(request.POST if request.method == "POST" else None, person=request.user)
    if not form.is_bound or not form.is_valid():
        context = {"form": form, "zones": list_time_zones(), "devices": list_devices(request)}
        return render(request, "notifications/preferences.html", context, status=422 if form.is_bound else 200)
    form.save()
    with translation.override(request.user.language or translation.get_language()):
        messages.success(request, _("Your preferences were saved."))
    return redirect("notifications:preferences")


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None
