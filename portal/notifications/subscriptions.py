"""Watching and muting one change: the choice of one user."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.changes.models import ChangeSubscription
from portal.notifications.routing import NOTIFICATION_TYPES, Audience

NEEDS_RECIPIENT = frozenset({"waiting", "voided", "again", "asked", "stale", "failed", "escalated", "mentioned"})
"""Types that are sent about a muted change too: it waits for the user, or a comment mentions them."""
WATCHED = frozenset(name for name, kind in NOTIFICATION_TYPES.items() if kind.audience is Audience.REQUESTER)
"""Types that are also shown, never mailed, to those who watch the change."""
DEFAULT = "default"
CHOICES: dict[str, tuple[str | Promise, str | Promise]] = {
    DEFAULT: (_("Default"), _("What you take part in")),
    ChangeSubscription.Level.WATCHING: (_("Watch"), _("Every status, and comments as your preferences say")),
    ChangeSubscription.Level.MUTED: (_("Mute"), _("Only what needs you or mentions you")),
}
"""Name and explanation of each choice."""


def save_level(person: User, change_id: int, level: str) -> None:
    """Store the choice; `level`: a key of CHOICES."""
    if level == DEFAULT:
        ChangeSubscription.objects.filter(person=person, change=change_id).delete()
    else:
        ChangeSubscription.objects.update_or_create(person=person, change_id=change_id, defaults={"level": level})
