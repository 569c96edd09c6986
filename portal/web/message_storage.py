"""Storage of messages shown once after a redirect, in a cookie that is bound to the host like the other cookies."""

from __future__ import annotations

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class _HostCookie(CookieStorage):
    cookie_name = settings.MESSAGES_COOKIE_NAME


class CookieMessageStorage(FallbackStorage):
    """Django's default, the cookie first and the session for long messages, under the portal's cookie name."""

    storage_classes = (_HostCookie, SessionStorage)
