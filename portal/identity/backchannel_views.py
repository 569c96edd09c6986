"""View that the OpenID provider calls to end sessions. No browser sends a form to it, so it takes no CSRF token."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.identity.client import ProviderUnavailable
from portal.identity.logout_tokens import LogoutTokenRefused, read_logout_token
from portal.identity.provider_sessions import end_sessions


@csrf_exempt
@require_POST
def backchannel_logout(request: HttpRequest) -> HttpResponse:
    """End the sessions that the logout token names; the token alone proves who sends it."""
    if not settings.OIDC_ISSUER:
        raise Http404
    try:
        claims = read_logout_token(request.POST.get("logout_token", ""))
    except LogoutTokenRefused:
        reason = "logout_token_refused"
        user_login_failed.send(sender=LogoutTokenRefused, credentials={}, request=request, reason=reason)
        return JsonResponse({"error": "invalid_request"}, status=400)
    except ProviderUnavailable:
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    end_sessions(claims)
    return HttpResponse(status=200)
