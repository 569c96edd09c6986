"""Scrubbing of error reports: error pages, emails and error collection services get no values from the portal."""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.debug import SafeExceptionReporterFilter

from portal.common.traceback_scrubbing import clear_traceback_locals


class TracebackScrubbingMiddleware:
    """Middleware that clears the variables in a failed view's frames before the failure is reported."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, exception: Exception) -> None:
        """Clear the variables; Django calls this before it reports the exception."""
        clear_traceback_locals(exception)


class ScrubbingReporterFilter(SafeExceptionReporterFilter):
    """Filter that reports source lines and no values: a form may contain a client secret, and so may any frame.

    Django's own filter hides values only without DEBUG, and only those that a view declared before it failed. For
    failures of a view the middleware has already cleared the frames; failures of other middleware come here unchanged.
    """

    # The URLs of database and broker contain passwords, and runserver's META contains the environment.
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
