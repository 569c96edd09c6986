"""Access checks of views: a signed-in user with one of the required rights, else a message that names the groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from portal.accounts import roles, typed_forms
from portal.accounts.limits import count_act
from portal.accounts.models import User

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


def require_rights(*rights: roles.Right) -> Callable[[View], View]:
    """Restrict a view to users with at least one of `rights`; to any signed-in user if none is named."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return typed_forms.signed_out(request) or _to_signing_in(request)
            if rights and not roles.rights_of(request.user).intersection(rights):
                raise RightMissing(*rights)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def limit_acts(act: str) -> Callable[[View], View]:
    """Count each call of a view as an act of the user, one of limits.ACTS. Raises LimitReached, shown as page 429."""

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: UserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            count_act(request.user, act)
            return view(request, *args, **kwargs)

        return counted

    return decorate


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
