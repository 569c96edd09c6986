"""Views of the sign-in with the OpenID provider. Their addresses answer 404 if no provider is configured."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.identity import client
from portal.identity.client import ProviderUnavailable, SignInFlow
from portal.identity.refusals import SignInRefused
from portal.identity.sign_in import confirm_user, sign_in_user

View = Callable[..., HttpResponse]


def require_provider(view: View) -> View:
    """Answer 404 if no provider is configured, 403 for a refused sign-in, and 503 while the provider is away."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        try:
            return view(request, *args, **kwargs)
        except ProviderUnavailable:
            _record_refusal(request, "provider_unavailable")
            page = render(request, "identity/unavailable.html", status=503)
            page.headers["Retry-After"] = "30"
            return page
        except SignInRefused as refusal:
            _record_refusal(request, refusal.code, refusal.username)
            return render(request, "identity/refused.html", {"refusal": refusal}, status=403)

    return guarded


@require_POST
@require_provider
def sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider."""
    page = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return client.start_flow(request, SignInFlow(page if safe else "/", request.POST.get("carried", "")))


@require_POST
@require_rights(needs_factor=False)
@require_provider
def confirm(request: UserRequest) -> HttpResponse:
    """Redirect to the provider, which must ask the signed-in user to authenticate again."""
    return client.start_flow(request, SignInFlow(confirms=True, started_at=time.time()))


@require_safe
@require_rights(needs_factor=False)
def confirmed(request: UserRequest) -> HttpResponse:
    """Show that the provider has confirmed the user, in the window that the form opened for it."""
    return render(request, "identity/confirmed.html")


@require_safe
@require_provider
def callback(request: HttpRequest) -> HttpResponse:
    """Sign in or confirm the user whom the provider has authenticated, and go to the page that was asked for."""
    answer = client.complete_flow(request)
    if answer.flow.confirms:
        confirm_user(request, answer)
        return redirect("identity:confirmed")
    sign_in_user(request, answer)
    return HttpResponseRedirect(answer.flow.next_page)


def _record_refusal(request: HttpRequest, code: str, username: str = "") -> None:
    """Send the signal of a failed sign-in, so that the audit log records this one like any other."""
    user_login_failed.send(sender=SignInRefused, credentials={"username": username}, request=request, reason=code)
