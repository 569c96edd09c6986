"""Record of denied requests: which user requested which page, and which rule denied it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from portal.accounts.limits import LimitReached, count_act
from portal.audit.ledger import record_event

_RULE = "portal.refused"
_FORGED = {"rule": "InvalidToken"}


def note_denial_reason(request: HttpRequest, refusal: Exception, rights: Iterable[str] = ()) -> None:
    """Store the rule that denies this request, for views that build the page themselves instead of raising.

    The log stores the code of the rule, because the message that the user reads depends on their language.
    """
    needed = [str(right) for right in rights]
    request.META[_RULE] = {"rule": rule_of(refusal), **({"rights": needed} if needed else {})}


def rule_of(refusal: Exception) -> str:
    """Return the stable code of a rule violation; "PermissionDenied" for an exception without one, such as Django's."""
    return str(getattr(refusal, "code", "PermissionDenied"))


class DeniedRequestMiddleware:
    """Middleware that records each 403 of a signed-in user, and each 429 that a rule caused.

    Requests of users who are not signed in are not recorded, because a flood of them must not fill the log. For
    signed-in users the number of records is limited. Must be last in MIDDLEWARE, so that it sees the exception before
    Django turns it into a page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        rule = request.META.get(_RULE, _FORGED if response.status_code == 403 else None)
        if response.status_code in (403, 429) and rule and request.user.is_authenticated and self._has_room(request):
            record_event(
                "access.denied",
                by=request.user.username,
                data={"method": str(request.method), "path": request.path[:500], **rule},
            )
        return response

    def _has_room(self, request: HttpRequest) -> bool:
        """Return False once the user has reached the limit of recorded denials: one user must not fill the log."""
        try:
            count_act(request.user, "refusal")  # type: ignore[arg-type]  # the user is signed in
        except LimitReached:
            return False
        return True

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Store the reason until the response is built."""
        if isinstance(exception, PermissionDenied | LimitReached):
            note_denial_reason(request, exception, getattr(exception, "rights", ()))
