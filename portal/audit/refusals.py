"""Refused pages, in the log: who wanted to go where, and by which rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from portal.audit.ledger import record



class RefusalMiddleware:
    """Records each 403 of a person. Strangers are left out: a flood of theirs must not fill the log.

    Last in MIDDLEWARE, so that it hears the reason before Django turns it into a page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 403 and request.user.is_authenticated:
            record(
                "access.refused",
                by=request.user.username,
                data={"method": str(request.method), "path": request.path[:500], **_why(request)},
            )
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep the reason until the page is made."""
        if isinstance(exception, PermissionDenied):
            rights = [str(right) for right in getattr(exception, "rights", ())]
            request.META["portal.refused"] = {"rule": type(exception).__name__, "rights": rights}


def _why(request: HttpRequest) -> dict[str, Any]:
    """The rule as a code: what the person was told is in their language, the log is in none."""
    told: dict[str, Any] | None = request.META.get("portal.refused")
    if told is not None:
        return told
    passed = getattr(request, "csrf_processing_done", False)  # else Django's own check turned the form away
    return {"rule": "NotAllowed" if passed else "InvalidToken"}
