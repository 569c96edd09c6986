"""Template tags of every page: icons, status badges, HTTP statuses."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.typed_forms import typed_again
from portal.common.request_id import current_request_id

register = template.Library()

STATUS_ICONS = {
    "draft": "edit",
    "pending": "clock",
    "changes_requested": "edit",
    "approved": "check",
    "sending": "send",
    "in_doubt": "help-hexagon",
    "needs_attention": "user-exclamation",
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
    """Return the request id, by which operators find this request in their logs."""
    return current_request_id()


@register.simple_block_tag
def drawn(content: SafeString) -> SafeString:
    """Render content once for use in several places: `{% drawn as menu %}…{% enddrawn %}`, then `{{ menu }}`."""
    return content


@register.simple_block_tag
def sheet(content: SafeString, name: str, heading: str, *, shown: object = False) -> str:
    """Render content as a sheet with the element id `name`; templates/_sheet.html describes openers and buttons."""
    return render_to_string("_sheet.html", {"name": name, "heading": heading, "content": content, "shown": shown})


@register.simple_tag
@cache  # dozens of different icons, each dozens of times per page
def icon(name: str) -> SafeString:
    """Render a decorative icon of the sprite; a text beside it (or visually hidden) must carry the meaning."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag
def badge(status: str, word: str) -> SafeString:
    """Render the badge of a change's status: shape, label and colour."""
    return format_html(
        '<span class="badge-status" data-status="{}">{}{}</span>',
        status,
        icon(STATUS_ICONS.get(status, "info-circle")),
        word,
    )


@register.simple_tag
def response_code(code: int | None) -> SafeString:
    """Render an HTTP status as a badge; None is a call without a response."""
    if code is None:
        return format_html('<span class="code code-none">{}</span>', _("no answer"))
    return format_html('<span class="code code-{}xx">{}</span>', code // 100, code)


@register.filter
def initials(user: User) -> str:
    """Return the first letters of the full name, or the first two of the user name."""
    names = user.get_full_name().split()
    return f"{names[0][0]}{names[-1][0]}" if len(names) > 1 else user.display_name[:2]


@register.simple_tag
def user_name(user: User) -> str:
    """Render a user everywhere in the same way: initials, full name, and the user name on hover."""
    return render_to_string("_user_name.html", {"user": user})  # a file without line end, as it stands within text


@register.filter
def notice_icon(kind: str) -> str:
    """Return the icon name for the kind of a notification or the level of a message."""
    return NOTICE_ICONS.get(kind, "info-circle")


@register.inclusion_tag("_send_again.html", takes_context=True)
def send_again(context: dict[str, Any]) -> dict[str, Any]:
    """Render, on an error page, the input of the request's user in a form to send again."""
    request = context.get("request")
    if request is None:
        return {"typed": []}
    user = getattr(request, "user", None)
    typed = typed_again(request, user.pk) if user and user.is_authenticated and not context.get("foreign") else []
    return {"typed": typed, "address": request.get_full_path(), "csrf_token": context.get("csrf_token")}
