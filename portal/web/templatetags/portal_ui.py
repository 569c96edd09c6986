"""The small parts every page draws: icons, status badges, response codes."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.accounts.typed_forms import typed_again
from portal.common.request_id import current_request_id

register = template.Library()

STATUS_ICONS = {
    "pending": "clock",
    "approved": "check",
    "sending": "send",
    "in_doubt": "help-hexagon",
    "needs_human": "user-exclamation",
    "applied": "circle-check",
    "failed": "alert-octagon",
    "stale": "refresh-alert",
    "rejected": "ban",
    "withdrawn": "arrow-back-up",
    "expired": "hourglass-empty",
}
NOTICE_ICONS = {
    "info": "info-circle",
    "warn": "alert-triangle",
    "warning": "alert-triangle",
    "danger": "alert-octagon",
    "error": "alert-octagon",
    "success": "circle-check",
    "doubt": "help-hexagon",
}


@register.simple_tag
def request_id() -> str:
    """The id by which those who run the portal find this very request in their logs."""
    return current_request_id()


@register.simple_block_tag
def drawn(content: SafeString) -> SafeString:
    """For what stands in several places, to be drawn once: `{% drawn as menu %}…{% enddrawn %}`, then `{{ menu }}`."""
    return content


@register.simple_tag
@cache  # some dozens of them, dozens of times on each page
def icon(name: str) -> SafeString:
    """A decorative icon of the sprite; words beside it (or visually hidden) say what it means."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag
def badge(status: str, word: str) -> SafeString:
    """The badge of a change's status: shape, word and colour."""
    return format_html(
        '<span class="badge-status" data-status="{}">{}{}</span>',
        status,
        icon(STATUS_ICONS.get(status, "info-circle")),
        word,
    )


@register.simple_tag
def response_code(code: int | None) -> SafeString:
    """An HTTP status as a pill; None is a call that got no answer."""
    if code is None:
        return format_html('<span class="code code-none">{}</span>', _("no answer"))
    return format_html('<span class="code code-{}xx">{}</span>', code // 100, code)


@register.filter
def notice_icon(kind: str) -> str:
    """The icon of a notice or of a message's level."""
    return NOTICE_ICONS.get(kind, "info-circle")


@register.inclusion_tag("_send_again.html", takes_context=True)
def send_again(context: dict[str, Any]) -> dict[str, Any]:
    """On an error page: what the request's user had typed, in a form to send again."""
    request = context.get("request")
    if request is None:
        return {"typed": []}
    user = getattr(request, "user", None)
    typed = typed_again(request, user.pk) if user and user.is_authenticated and not context.get("foreign") else []
    return {"typed": typed, "address": request.get_full_path(), "csrf_token": context.get("csrf_token")}
