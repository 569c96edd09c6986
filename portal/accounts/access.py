"""The door to a page: signed in, and holding one of the rights it needs; a refusal names rule and who could."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from portal.accounts import roles
from portal.accounts.models import User

View = Callable[..., HttpResponseBase]


class PersonRequest(HttpRequest):
    """A request whose user is known to be a person."""

    user: User
    htmx: HtmxDetails


def requires(*rights: roles.Right) -> Callable[[View], View]:
    """A view for people who hold at least one of `rights`; any signed-in person where none is named."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if rights and not roles.rights_of(request.user).intersection(rights):
                raise PermissionDenied(refusal(*rights))
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def refusal(*rights: roles.Right) -> str:
    """The sentence for people who lack the right: which groups have it."""
    groups = sorted({_(name) for right in rights for name in roles.groups_with(right)})
    return _("This page is for members of %(groups)s. An administrator can add you.") % {"groups": ", ".join(groups)}
