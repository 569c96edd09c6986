"""Context processor of the demo: its bar, its accounts and its confirmation. Adds nothing while the demo is off."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.devserver import demo_access, demo_users
from portal.devserver.demo_progress import read_progress

_SENTENCES: dict[str, Promise] = {
    "requester": _("Proposes changes, and follows each until Segura has answered."),
    "requester2": _("Proposes changes beside Rita. Each sees only their own."),
    "approver": _("Reviews what others propose, and approves, rejects or requests changes."),
    "approver2": _("Reviews beside Ana. One approval by either is enough."),
    "auditor": _("Reads the audit log, verifies it and downloads evidence."),
    "admin": _("Watches delivery to Segura, and resolves what Countersign cannot."),
    "admin2": _("Decides beside Adam: giving a role takes two administrators."),
}


def demo(request: HttpRequest) -> dict[str, Any]:
    """Return `demo`: `progress`, `accounts` of the sign-in, `confirms` (a box instead of the password)."""
    if not settings.PORTAL_DEMO:
        return {}
    accounts = []
    if demo_access.has_demo_access(request):
        accounts = [
            {"username": name, "full_name": full_name, "sentence": _SENTENCES[name]}
            for name, (full_name, _role) in demo_users.PEOPLE.items()
        ]
    return {
        "demo": {
            "progress": read_progress(settings.STATE_DIR),
            "accounts": accounts,
            "confirms": demo_access.is_demo_session(request),
        }
    }
