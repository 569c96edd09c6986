"""Context processor for the delivery pause, which every page shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.changes.delivery import circuit_breaker


def pause(request: HttpRequest) -> dict[str, Any]:
    """Return `pause`, the pause of all delivery, for signed-in users; the query runs only if the page shows it."""
    person = getattr(request, "user", None)
    return (
        {"pause": SimpleLazyObject(circuit_breaker.current_pause)}
        if person is not None and person.is_authenticated
        else {}
    )
