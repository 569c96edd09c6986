"""Access checks of views: a signed-in user with one of the required rights, else a message that names the groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from portal.accounts import roles, typed_forms
from portal.accounts.factors.requirement import SecondFactorMissing, is_factor_missing
from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.accounts.reauthentication import has_stepped_up

View = Callable[..., HttpResponseBase]
_PEOPLE_NAMED = 5


class UserRequest(HttpRequest):
    """Request of a signed-in user."""

    user: User
    htmx: HtmxDetails


class RightMissing(PermissionDenied):
    """The user has none of `rights`; `str()` is the message for the user, in their language."""

    code = "RightMissing"

    def __init__(self, *rights: roles.Right) -> None:
        super().__init__(missing_right_message(*rights))
        self.rights = rights


def require_rights(*rights: roles.Right, needs_factor: bool = True) -> Callable[[View], View]:
    """Restrict a view to users with at least one of `rights`; to any signed-in user if none is named.

    A session without the second factor that the user's role needs is led to the page where it can be shown. Only the
    views of these pages have `needs_factor` False.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return typed_forms.signed_out(request) or _to_signing_in(request)
            if needs_factor and is_factor_missing(request):
                return _to_second_factor(request)
            if rights and not roles.rights_of(request.user).intersection(rights):
                raise RightMissing(*rights)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def require_step_up(view: View) -> View:
    """Restrict a view of a signed-in user to sessions that have confirmed in the last minutes (has_stepped_up)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if has_stepped_up(request):
            return view(request, *args, **kwargs)
        page = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("mfa_index")
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': page})}")

    return guarded


def limit_acts(act: str) -> Callable[[View], View]:
    """Count each call of a view as an act of the user, one of limits.ACTS. Raises LimitReached, shown as page 429."""

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: UserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            count_act(request.user, act)
            return view(request, *args, **kwargs)

        return counted

    return decorate


def _to_second_factor(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the page of the second factor, as a whole page for htmx. Raises SecondFactorMissing for a form."""
    if request.method not in ("GET", "HEAD"):
        raise SecondFactorMissing
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    page = (htmx.current_url_abs_path or "/") if htmx else request.get_full_path()
    place = f"{reverse('mfa_index')}?{urlencode({'next': page})}"
    return HttpResponseClientRedirect(place) if htmx else redirect(place)


def _to_signing_in(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the sign-in and back; as a whole page for htmx, which would insert the sign-in into the open page."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    if htmx:
        return HttpResponseClientRedirect(redirect_to_login(htmx.current_url_abs_path or "/").url)
    return redirect_to_login(request.get_full_path() if request.method in ("GET", "HEAD") else "/")


def missing_right_message(*rights: roles.Right) -> str:
    """Return the message for users without these rights: the roles that have one of them, and the people to ask."""
    needed = _("This page needs the role %(groups)s.") % {"groups": roles.group_names_with_right(*rights)}
    people = [user.display_name for user in roles.users_with_right(roles.Right.OPERATE)[:_PEOPLE_NAMED]]
    ask = _("To get it, ask %(people)s.") if people else _("To get it, ask the people who run Countersign.")
    return f"{needed} {ask % {'people': ', '.join(people)}}"
