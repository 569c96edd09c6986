"""Tag for the page of a change: the menu in which its reader watches or mutes it."""

from __future__ import annotations

from typing import Any

from django import template

from portal.changes.models import Change
from portal.notifications import subscriptions

register = template.Library()


@register.inclusion_tag("notifications/_subscription.html", takes_context=True)
def subscription_menu(context: template.Context, change: Change) -> dict[str, Any]:
    """Show what the reader has chosen for the change (`change.subscription`), and the other choices."""
    level = getattr(change, "subscription", None) or subscriptions.DEFAULT
    choices = [(key, name, text, key == level) for key, (name, text) in subscriptions.CHOICES.items()]
    return {"change": change, "level": level, "choices": choices, "csrf_token": context.get("csrf_token")}
