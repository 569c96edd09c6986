"""Pages of the second factor. allauth's own views serve the second step of a sign-in and the recovery codes."""

from __future__ import annotations

from typing import Any

from allauth.account.stages import LoginStageController
from allauth.mfa.base.internal.flows import delete_and_cleanup, post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.internal.flows import activate_totp
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.internal.flows import add_authenticator
from allauth.mfa.webauthn.views import AddWebAuthnView, LoginWebAuthnView
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.decorators import UserRequest, require_rights, require_step_up
from portal.accounts.factors import pending_app, requirement
from portal.accounts.factors.adapter import PortalMFAAdapter
from portal.accounts.factors.inventory import PASSKEY, RECOVERY_CODES, SECOND_FACTORS, list_factor_types
from portal.accounts.forms import StepUpForm
from portal.accounts.reauthentication import has_stepped_up, uses_provider


@require_safe
@require_rights(needs_factor=False)
def second_factor(request: UserRequest) -> HttpResponse:
    """Show the user's factors. A session that must show one goes on to where it is shown."""
    missing = requirement.is_factor_missing(request)
    if missing and list_factor_types(request.user):
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': _next_page(request)})}")
    rows = list(Authenticator.objects.filter(user=request.user).order_by("created_at"))
    codes = next((row.wrap() for row in rows if row.type == RECOVERY_CODES), None)
    context = {
        "missing": missing,
        "needed": missing or requirement.needs_second_factor(request.user),
        "factors": [row for row in rows if row.type in SECOND_FACTORS],
        "has_app": any(row.type not in (PASSKEY, RECOVERY_CODES) for row in rows),
        "provider_factor": uses_provider(request) and bool(settings.OIDC_ACCEPTED_ACR or settings.OIDC_ACCEPTED_AMR),
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
    }
    return render(request, "accounts/second_factor.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@require_rights(needs_factor=False)
def confirm_identity(request: UserRequest) -> HttpResponse:
    """Ask the user to confirm in the strongest way that they have, then go on to `next`."""
    form = StepUpForm(request.POST if request.method == "POST" else None, request=request)
    valid = form.is_valid()
    if has_stepped_up(request):
        return redirect(_next_page(request))
    if valid:
        form.add_error("password" if "password" in form.fields else None, form.recent_auth.request_sentence())
    context = {"form": form, "next_page": _next_page(request)}
    return render(request, "accounts/confirm_identity.html", context, status=422 if form.is_bound else 200)


@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """Return what a browser needs to use a passkey: to confirm, as second step of a sign-in, or to sign in."""
    stage = None if request.user.is_authenticated else LoginStageController.enter(request, AuthenticateStage.key)
    user = request.user if request.user.is_authenticated else stage.login.user if stage else None
    if user is None and settings.OIDC_ISSUER:
        raise Http404
    return JsonResponse(auth.begin_authentication(user))


@require_POST
@require_rights()
@require_step_up
@transaction.atomic
def remove_factor(request: UserRequest, factor_id: int) -> HttpResponse:
    """Remove a factor of the user, unless it is the last one of a role that needs one."""
    factor = get_object_or_404(Authenticator, pk=factor_id, user=request.user, type__in=SECOND_FACTORS)
    if not PortalMFAAdapter().can_delete_authenticator(factor):
        stays = _("Your role needs a second factor, so the last one stays. Add another one first. Nothing was done.")
        messages.error(request, stays)
        return redirect("mfa_index")
    delete_and_cleanup(request, factor)
    messages.success(request, _("The second factor was removed."))
    return redirect("mfa_index")


class AddPasskeyView(AddWebAuthnView):  # type: ignore[misc]
    """View that adds a passkey, which also signs in alone where no provider is configured."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        public_key = context["js_data"]["creation_options"]["publicKey"]
        selection = {**public_key["authenticatorSelection"], "residentKey": "preferred"}
        context["js_data"] = {"publicKey": {**public_key, "authenticatorSelection": selection}}
        return context

    def form_valid(self, form: Any) -> HttpResponse:
        given = form.cleaned_data
        added, codes = add_authenticator(self.request, name=given["name"], credential=given["credential"])
        return _added(self.request, added, codes, _("The passkey was added."))


class AddAppView(ActivateTOTPView):  # type: ignore[misc]
    """View that adds an authenticator app. A user has one; an app on another device takes the place of the first."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the list if there is an app already, where it can be removed."""
        if Authenticator.objects.filter(user_id=request.user.pk, type=Authenticator.Type.TOTP).exists():
            return redirect("mfa_index")
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        added, codes = activate_totp(self.request, form)
        pending_app.forget_secret(self.request)
        return _added(self.request, added, codes, _("The authenticator app was added."))


class PasskeySignInView(LoginWebAuthnView):  # type: ignore[misc]
    """View of the sign-in with a passkey alone; 404 where a provider signs users in, which it would go around."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if settings.OIDC_ISSUER:
            raise Http404
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response


def _added(request: HttpRequest, factor: Authenticator, codes: Authenticator | None, sentence: str) -> HttpResponse:
    """Open the session, since adding a factor has proved it, and show the recovery codes that came with the first."""
    post_authentication(request, factor, reauthenticated=True)
    messages.success(request, sentence)
    return HttpResponseRedirect(reverse("mfa_view_recovery_codes" if codes else "mfa_index"))


def _next_page(request: HttpRequest) -> str:
    """Return the page that was asked for; the list of factors for none, or for a URL of another host."""
    page = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return page if safe else reverse("mfa_index")
