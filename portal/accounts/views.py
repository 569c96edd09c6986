"""Views of accounts: the language, the signed-in devices, and the form that was sent when the session ended."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from portal.accounts import devices, typed_forms
from portal.accounts.carried_forms import find_carried_form
from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.models import User


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Store the language in this browser and, for a signed-in user, in the account for emails and other browsers."""
    choice = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if request.user.is_authenticated and choice in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=choice)
    return set_language(request)


@require_safe
@require_rights()
def carried_form(request: UserRequest) -> HttpResponseBase:
    """Show the form that the user had sent when the session ended, with its input; nothing of it is carried out."""
    form = find_carried_form(request)
    if form is None:
        messages.warning(request, _("The form was opened by another user, or more than an hour ago. Nothing was done."))
        return redirect("home")
    answer: HttpResponseBase = typed_forms.restore_form(request, form)
    return answer


@require_POST
@require_rights()
def sign_out_device(request: UserRequest) -> HttpResponseBase:
    """End the session of another device of the user."""
    if devices.sign_out_device(request, request.POST.get("device", "")):
        messages.success(request, _("The device was signed out."))
    else:
        messages.warning(request, _("This device was signed out already. Nothing was done."))
    return redirect(f"{reverse('notifications:preferences')}#devices")
