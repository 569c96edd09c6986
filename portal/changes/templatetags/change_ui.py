"""Filters and tags that format the values of a change, the same on every page."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.audit import findings
from portal.changes.domain import access_changes
from portal.changes.domain.access_changes import AccessChange
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import FieldChange, ShareChange
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Attempt
from portal.changes.presenters import access_table, next_steps, secret_insight
from portal.common.invisible_characters import code_point, replace_invisible, show_invisible

register = template.Library()

_MINUTE, _HOUR, _DAY, _MONTH = 60, 3600, 86_400, 30 * 86_400
_LONG_TEXT, _MANY_LINES = 600, 12


@register.filter
def field_label(name: str) -> str:
    return str(FIELD_LABELS[name])


register.filter("plainly", show_invisible)


@register.filter
def unseen(text: str | None) -> str:
    """Return the text as `plainly` shows it if it has characters that an input cannot show; else ''."""
    lines = (text or "").replace("\r\n", "\n")
    return show_invisible(lines) if replace_invisible(lines, code_point) != lines else ""


@register.filter
def lengthy(text: str | None) -> bool:
    """Return whether the text is so long that pages show it in a box with a scroll bar."""
    return text is not None and (len(text) > _LONG_TEXT or text.count("\n") > _MANY_LINES)


@register.filter
def access_words(access: bool | None) -> str:
    """Return the label of a share's access; None is no access."""
    if access is None:
        return _("no access")
    return _("can edit") if access else _("can view")


@register.filter
def share_kind(share: ShareChange, base_known: bool) -> str:
    """Return added, removed, altered or kept: the icon beside the text."""
    if not base_known:
        return "altered"
    if share.old == share.new:
        return "kept"
    if share.old is None:
        return "added"
    return "removed" if share.new is None else "altered"


register.filter("access_table", access_table.build_access_table)


@register.filter("power")
def power_of(field: FieldChange, base_known: object) -> list[AccessChange]:
    """Return the access that users gain or lose by a change of a list of shares."""
    return access_changes.describe_access_changes(field, base_known=bool(base_known))


register.filter("said", findings.error_text)
register.filter("traits", secret_insight.describe_strength)

RISK_ICONS = {
    "base": "eye-off",
    "secret": "key",
    "name": "edit",
    "odd": "help-hexagon",
    "edit": "user-exclamation",
    "wider": "users",
    "unclear": "help-hexagon",
    "letters": "eye",
    "host": "external-link",
    "scheme": "lock",
    "many": "list-details",
}
LEVEL_ICONS = {RiskLevel.HIGH: "alert-octagon", RiskLevel.MEDIUM: "alert-triangle", RiskLevel.LOW: "circle-check"}
OUTCOMES = {
    "applied": gettext_noop("Applied"),
    "applied_unverified": gettext_noop("Applied, to be checked"),
    "refused": gettext_noop("Refused"),
    "refused_unverified": gettext_noop("Refused, to be checked"),
    "not_sent": gettext_noop("Not sent"),
    "not_applied": gettext_noop("Rejected, not applied"),
    "in_doubt": gettext_noop("Outcome unknown"),
}


@register.filter
def risk_icon(kind: str) -> str:
    return RISK_ICONS[kind]


@register.filter
def level_icon(level: RiskLevel) -> str:
    return LEVEL_ICONS[level]


@register.filter
def outcome_words(name: str) -> str:
    """Return the label of an attempt's outcome; '' is an attempt whose outcome was never recorded."""
    return _(OUTCOMES[name]) if name else _("No outcome recorded")


@register.filter
def duration(attempt: Attempt) -> str:
    """Return the duration of the call in ms or s, or '-' until it has finished."""
    if attempt.finished_at is None:
        return "-"
    seconds = (attempt.finished_at - attempt.started_at).total_seconds()
    return _("%d ms") % (seconds * 1000) if seconds < 1 else _("%s s") % number_format(seconds, 1)


@register.simple_tag
def when(instant: datetime) -> SafeString:
    """Return an instant as relative time (the date after a month), in full in the attribute and the title."""
    local = timezone.localtime(instant)
    seconds = (timezone.now() - instant).total_seconds()
    return format_html(
        '<time class="ago" datetime="{}" title="{}">{}</time>',
        instant.isoformat(timespec="seconds"),
        next_steps.instant_utc_text(instant),
        _spoken(local, seconds),
    )


@register.simple_tag
def age(instant: datetime, first: datetime | None = None) -> SafeString:
    """Return the time since an instant, in full in the attribute; in the title also the `first` proposal."""
    seconds = max(0.0, (timezone.now() - instant).total_seconds())
    proposed = f" · {_('Proposed')} {next_steps.instant_utc_text(first)}" if first and first != instant else ""
    return format_html(
        '<time class="ago" datetime="{}" title="{}">{}</time>',
        instant.isoformat(timespec="seconds"),
        f"{next_steps.instant_utc_text(instant)}{proposed}",
        _long(seconds),
    )


@register.simple_tag
def at(instant: datetime) -> SafeString:
    """Return an instant as text, with its time zone."""
    return next_steps.instant_html(instant)


def _spoken(local: datetime, seconds: float) -> str:
    if 0 <= seconds < _MINUTE:
        return _("just now")
    if 0 <= seconds < _MONTH:
        return _("%s ago") % _long(seconds)
    return date_format(local, "DATE_FORMAT")


def _long(seconds: float) -> str:
    if seconds < _MINUTE:
        return _("< 1 min")
    if seconds < _HOUR:
        return _("%d min") % (seconds // _MINUTE)
    return _("%d h") % (seconds // _HOUR) if seconds < _DAY else _("%d d") % (seconds // _DAY)
