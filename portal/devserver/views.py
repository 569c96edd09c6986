"""View that signs in as a demo account without a password. It answers 404 outside the demo and to other hosts."""

from __future__ import annotations

from django.contrib.auth import login, logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portal.accounts.models import User
from portal.devserver.demo_access import record_demo_authentication, require_demo_access
from portal.devserver.demo_users import PEOPLE

_BACKEND = "portal.accounts.backends.PortalBackend"


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """Sign in as the demo account that was chosen, after ending the present session; then show the home of its role."""
    require_demo_access(request)
    user = _find_account(request.POST.get("account", ""))
    with transaction.atomic():  # so that the events are recorded too, or nothing happens
        if request.user.is_authenticated:
            logout(request)
        record_demo_authentication(request, user, again=False)
        login(request, user, backend=_BACKEND)
    return HttpResponseRedirect(_next_page(request))


def _find_account(name: str) -> User:
    user = User.objects.find_by_name(name) if name in PEOPLE else None
    if user is None or not user.is_demo or not user.is_active:
        raise Http404
    return user


def _next_page(request: HttpRequest) -> str:
    """Return the page that was asked for before the sign-in; a URL of another host leads home."""
    page = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return page if safe else "/"
