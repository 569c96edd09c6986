"""Responses with parts of a page, which htmx swaps in."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django_htmx.http import reselect, reswap, retarget

Part = TypeVar("Part", bound=HttpResponse)


def retarget_response(part: Part, place: str) -> Part:
    """Make the part replace `place`, a selector that page and part both have, whatever the HTTP status is.

    Of an error response, except 409 and 422, htmx shows only #problem, above the page (see base.html): error pages
    have that element, while a part contains its own error message.
    """
    return reselect(retarget(reswap(part, "outerHTML"), place), place)


def fragment_name(request: HttpRequest, template: str, part: str) -> str:
    """Return the template, or for htmx the name of its part."""
    return f"{template}#{part}" if request.htmx else template  # type: ignore[attr-defined]
