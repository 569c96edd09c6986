"""How the values of a change are put into words on every page that shows them."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.changes.labels import FIELD_LABELS
from portal.changes.patch import ShareChange

register = template.Library()

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs"}


@register.filter
def field_label(name: str) -> str:
    """What people call the field."""
    return str(FIELD_LABELS[name])


@register.filter
def plainly(text: str) -> str:
    """The text with everything visible that could make two different values look alike.

    Characters without a shape (direction marks, zero width, control) stand as ⟨U+202E⟩, and so do the spaces at the
    start and the end: nobody approves what they cannot see.
    """
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if inner else len(text)
    after = len(text) - before - len(inner)
    return "␣" * before + "".join(_shape(char) for char in inner) + "␣" * after


def _shape(char: str) -> str:
    if char in "\n ":
        return char
    hidden = unicodedata.category(char) in _INVISIBLE or char.isspace()
    return f"⟨U+{ord(char):04X}⟩" if hidden else char


@register.filter
def access_words(access: bool | None) -> str:
    """What a share allows: None is no access."""
    if access is None:
        return _("no access")
    return _("may edit") if access else _("may view")


@register.filter
def share_kind(share: ShareChange, base_known: bool) -> str:
    """added, removed, altered or kept: the shape beside the words."""
    if not base_known:
        return "altered"
    if share.old == share.new:
        return "kept"
    if share.old is None:
        return "added"
    return "removed" if share.new is None else "altered"


@register.simple_tag
def when(instant: datetime) -> SafeString:
    """An instant as people say it (how long ago; the date after a day), whole in the attribute and the title."""
    local = timezone.localtime(instant)
    seconds = (timezone.now() - instant).total_seconds()
    full = formats.date_format(local, "DATETIME_FORMAT") + local.strftime(" %Z")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', instant.isoformat(timespec="seconds"), full, _spoken(local, seconds)
    )


@register.simple_tag
def at(instant: datetime) -> SafeString:
    """An instant written out, to the second, with its time zone."""
    local = timezone.localtime(instant)
    return format_html(
        '<time datetime="{}">{}</time>', instant.isoformat(timespec="milliseconds"), local.strftime("%Y-%m-%d %H:%M:%S %Z")
    )


def _spoken(local: datetime, seconds: float) -> str:
    if 0 <= seconds < _MINUTE:
        return _("just now")
    if 0 <= seconds < _HOUR:
        return _("%d min ago") % (seconds // _MINUTE)
    if 0 <= seconds < _DAY:
        return _("%d h ago") % (seconds // _HOUR)
    return formats.date_format(local, "SHORT_DATE_FORMAT") if seconds > 0 else formats.date_format(local, "TIME_FORMAT")
