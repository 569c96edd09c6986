"""Middleware for demo accounts, which confirm a protected step by a box instead of a password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from portal.accounts.models import User
from portal.accounts.reauthentication import has_stepped_up
from portal.devserver.demo_access import is_demo_session, record_demo_authentication

FIELD = "demo_confirm"


class DemoConfirmationMiddleware:
    """Records the authentication of a demo account whose form has the box ticked, before the view checks it.

    Place it after CsrfViewMiddleware, which answers forged posts before this one is asked.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Record the authentication, unless the last one is recent enough."""
        if request.method != "POST" or request.POST.get(FIELD) != "yes" or not is_demo_session(request):
            return
        user = request.user
        if isinstance(user, User) and not has_stepped_up(request):
            with transaction.atomic():  # so that the event is recorded too, or nothing is
                record_demo_authentication(request, user, again=True)
