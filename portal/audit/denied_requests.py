"""Refused pages, in the log: who wanted to go where, and by which rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from portal.accounts.limits import LimitReached, count_act
from portal.audit.ledger import record_event

_RULE = "portal.refused"
_FORGED = {"rule": "InvalidToken"}


def note_denial_reason(request: HttpRequest, refusal: Exception, rights: Iterable[str] = ()) -> None:
    """The rule by which this request is refused, for views that make the page themselves instead of raising.

    The log keeps its name, a code: what the person reads is in their language, the log is in none.
    """
    needed = [str(right) for right in rights]
    request.META[_RULE] = {"rule": rule_of(refusal), **({"rights": needed} if needed else {})}


def rule_of(refusal: Exception) -> str:
    """Return the stable code of a refusal; one that Django raises itself has none."""
    return str(getattr(refusal, "code", "PermissionDenied"))


class DeniedRequestMiddleware:
    """Records each 403 of a person, and each 429 that a rule gave them; of strangers nothing.

    A flood of theirs must not fill the log, and that of a person ends at the limit of refusals.

    Last in MIDDLEWARE, so that it hears the reason before Django turns it into a page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        rule = request.META.get(_RULE, _FORGED if response.status_code == 403 else None)
        if response.status_code in (403, 429) and rule and request.user.is_authenticated and self._has_room(request):
            record_event(
                "access.refused",
                by=request.user.username,
                data={"method": str(request.method), "path": request.path[:500], **rule},
            )
        return response

    def _has_room(self, request: HttpRequest) -> bool:
        """Return False once this person has very many refusals in the log: a limit must not fill what it protects."""
        try:
            count_act(request.user, "refusal")  # type: ignore[arg-type]  # signed in
        except LimitReached:
            return False
        return True

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep the reason until the page is made."""
        if isinstance(exception, PermissionDenied | LimitReached):
            note_denial_reason(request, exception, getattr(exception, "rights", ()))
