"""Origin of the log: its name in every checkpoint and key. The origin of a demo's log marks it as such for ever."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connections

from portal.audit.models import Checkpoint
from portal.audit.sealing import signed_note

_log = logging.getLogger(__name__)
_DEMO = ("demo.", "/countersign-demo")
"""Begin and end of a demo's origin. Both, because the host of a real log may begin with demo as well."""


def build_origin() -> str:
    """Return the origin of a log that has no checkpoint yet."""
    host = urlsplit(settings.BASE_URL).hostname
    begin, end = _DEMO if settings.PORTAL_DEMO else ("", "/countersign-audit")
    return f"{begin}{host}{end}"


def find_origin() -> str:
    """Return the origin that the newest checkpoint names, '' without one: it stays when BASE_URL changes."""
    newest = Checkpoint.objects.first()
    return signed_note.parse_unverified(newest.note).origin if newest else ""


def is_demo_origin(origin: str) -> bool:
    """Return whether this is the origin of a demo's log."""
    return origin.startswith(_DEMO[0]) and origin.endswith(_DEMO[1])


def require_demo_mode() -> None:
    """Raise ImproperlyConfigured if the log is a demo's and the demo is off."""
    if not settings.PORTAL_DEMO and is_demo_origin(find_origin()):
        raise ImproperlyConfigured("This database holds demo data: set PORTAL_DEMO=1, or name another DATABASE_URL.")


def require_demo_mode_at_start() -> None:
    """Do the same for a process that starts, and may fork later; pass while the database is away, as it may start then.

    The sealer checks again before each signature.
    """
    try:
        require_demo_mode()
    except (DatabaseError, signed_note.InvalidNote) as error:
        _log.warning("the origin of the log could not be read: %s", type(error).__name__)
    finally:
        connections.close_all()
