"""What every page says about delivery."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.changes.delivery import circuit_breaker


def pause(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `pause` of all delivery, for people who are signed in; asked only where a page shows it."""
    person = getattr(request, "user", None)
    return (
        {"pause": SimpleLazyObject(circuit_breaker.current_pause)}
        if person is not None and person.is_authenticated
        else {}
    )
