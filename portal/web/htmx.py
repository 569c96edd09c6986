"""Parts of a page, which htmx swaps."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpResponse
from django_htmx.http import reselect, reswap, retarget

Part = TypeVar("Part", bound=HttpResponse)


def retarget_response(part: Part, place: str) -> Part:
    """The part takes this place, a selector that page and part both have, whatever its status is.

    Of an answer that is an error htmx shows #problem alone, above the page (see base.html): an error's page has one,
    while a part says itself what is wrong.
    """
    return reselect(retarget(reswap(part, "outerHTML"), place), place)
