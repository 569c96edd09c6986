"""Filters and tags that render an event, and URLs and numbers about events."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.audit import event_text
from portal.audit.entry import Entry
from portal.audit.period import Period
from portal.audit.visible import escape_invisible

register = template.Library()
register.filter("who", event_text.actor_label)
register.filter("tone", event_text.event_tone)
register.filter("has_code", event_text.has_http_status)
register.filter("line", event_text.summary_line)
register.filter("facts", event_text.labelled_data)
register.filter("title_of", event_text.event_title)
register.filter("visible", escape_invisible)


@register.simple_tag
def by(entry: Entry) -> SafeString | str:
    """Render the acting user, as a link to their other events."""
    who = event_text.actor_label(entry)
    if entry.actor:
        return format_html('<a href="{}">{}</a>', reverse("audit:person", args=[entry.actor]), who)
    return who or format_html('<span class="muted">{}</span>', _("Countersign"))


@register.filter
def name_of(names: object, number: int) -> str:
    """Return the name of a secret from a mapping by number; the number itself without one."""
    return str(names.get(number) or number) if isinstance(names, dict) else str(number)


@register.filter
def beside(left: Iterable[object], right: Iterable[object]) -> list[tuple[object, object]]:
    """Pair the items of two lists of equal length."""
    return list(zip(left, right, strict=True))


@register.simple_tag
def in_log(period: Period, kind: str, person: str = "") -> str:
    """Return the URL of the log with the events of this kind in this period, of all users or of one."""
    return period.log(kind=kind, **({"person": person} if person else {}))


@register.simple_tag
def only_in_log(period: Period, only: str) -> str:
    """Return the URL of the log with the events of this period that one of the overview's numbers counts."""
    return period.log(only=only)


@register.simple_tag
def percent(share: float) -> str:
    """Format a share between 0 and 1 as a percentage, with one decimal."""
    return f"{number_format(100 * share, 1)} %"
