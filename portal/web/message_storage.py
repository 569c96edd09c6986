"""What a page says once, after a redirect: in a cookie whose name is bound to the host as the others are."""

from __future__ import annotations

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class _HostCookie(CookieStorage):
    cookie_name = settings.MESSAGES_COOKIE_NAME


class CookieMessageStorage(FallbackStorage):
    """Django's own choice, the cookie first and the session for what is too long, under our name."""

    storage_classes = (_HostCookie, SessionStorage)
