"""Error pages for requests that cannot be read or served, each with its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from portal.accounts.limits import LimitReached
from portal.accounts.typed_forms import typed_again

_FULL = "No space left on device"
"""PostgreSQL's message for a full disk."""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 413 for a request that is too large, else 400. Nothing was done in either case."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return render(request, "413.html", status=413)
    return render(request, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 503 while the database is away, else 500. Does not read the user, which needs the database.

    The page repeats the input with the CSRF token of this request, so that sending it again does not validate a forged
    request.
    """
    error = sys.exc_info()[1]
    typed = typed_again(request, None)
    token = request.POST.get("csrfmiddlewaretoken", "") if typed else ""
    sent = {"typed": typed, "address": request.get_full_path(), "csrf_token": token}
    if isinstance(error, OperationalError | InterfaceError):
        page = render_to_string("503.html", {"full": _FULL in str(error), **sent})
        return HttpResponse(page, status=503, headers={"Retry-After": "30"})
    return HttpResponse(render_to_string("500.html", sent), status=500)


class MethodNotAllowedMiddleware:
    """Middleware for the pages 405, which Django leaves empty, and 429, for acts over their limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page 429 for an act over its limit, if no form shows the message."""
        if not isinstance(exception, LimitReached):
            return None
        page = render(request, "429.html", {"reason": str(exception)}, status=429)
        page.headers["Retry-After"] = str(60 * exception.minutes)
        return page

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        page = render(request, "405.html", status=405)
        page.headers["Allow"] = response.headers["Allow"]
        return page
