"""The door to a page: signed in, and holding one of the rights it needs; a refusal names rule and who could."""

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


class UserRequest(HttpRequest):
    """A request whose user is known to be a person."""

    user: User
    htmx: HtmxDetails


class RightMissing(PermissionDenied):
    """The person holds none of `rights`; `str()` of it is the sentence for them, in their language."""

    code = "RightMissing"

    def __init__(self, *rights: roles.Right) -> None:
        super().__init__(missing_right_message(*rights))
        self.rights = rights


def require_rights(*rights: roles.Right) -> Callable[[View], View]:
    """A view for people who hold at least one of `rights`; any signed-in person where none is named."""

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
    """Count each call of a view as an act of the person, one of limits.ACTS. Raises LimitReached, a page of its own."""

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: UserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            count_act(request.user, act)
            return view(request, *args, **kwargs)

        return counted

    return decorate


def _to_signing_in(request: HttpRequest) -> HttpResponseBase:
    """Signing in, and then back: as a whole page, where htmx would put it into the middle of the page that asked."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    if htmx:
        return HttpResponseClientRedirect(redirect_to_login(htmx.current_url_abs_path or "/").url)
    return redirect_to_login(request.get_full_path() if request.method in ("GET", "HEAD") else "/")


def missing_right_message(*rights: roles.Right) -> str:
    """The sentence for people who lack the right: which groups have it."""
    groups = roles.group_names_with_right(*rights)
    return _("This page is for members of %(groups)s. The operator of the server can add you.") % {"groups": groups}
