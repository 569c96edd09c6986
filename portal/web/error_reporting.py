"""What an error page, a mail or a service that collects errors says of the portal's own failure."""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.debug import SafeExceptionReporterFilter

from portal.common.traceback_scrubbing import clear_traceback_locals


class TracebackScrubbingMiddleware:
    """Takes the variables out of a failed view's frames before anybody is told of the failure."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, exception: Exception) -> None:
        """Django asks before it reports."""
        clear_traceback_locals(exception)


class ScrubbingReporterFilter(SafeExceptionReporterFilter):
    """Where it failed, and nothing of what it had in hand: a form may hold a client secret, and so may any frame.

    Django's own keeps still only without DEBUG, and only about what a view has declared before it failed. For
    failures of a view the middleware has been there before; those of other middleware come here as they are.
    """

    # The addresses of database and broker hold their passwords, and runserver's META holds the environment.
    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|COOKIE|CSRF|URL", re.IGNORECASE
    )

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.POST, self.cleansed_substitute) if request else {}

    def get_traceback_frame_variables(
        self,
        request: Any,  # noqa: ARG002
        tb_frame: FrameType,
    ) -> ItemsView[str, Any]:
        return dict.fromkeys(tb_frame.f_locals, self.cleansed_substitute).items()
