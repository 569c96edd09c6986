"""What an error page or report says of the portal's own failure."""

from __future__ import annotations

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class DiscreetFilter(SafeExceptionReporterFilter):
    """Where it failed, and nothing of what it had in hand: a form may hold a client secret, and so may any frame.

    Django's own keeps still only without DEBUG, and only about what a view has declared before it failed.
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
