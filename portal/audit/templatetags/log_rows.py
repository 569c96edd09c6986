"""The rows of the log, each drawn in one go: as templates within templates they took a third of the page."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]  # the stubs forgot it
from django.utils.translation import gettext as _

from portal.audit import wording
from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.audit.visible import visible
from portal.pages.templatetags.portal_ui import response_code

register = template.Library()

_RAW_SHOWN = 160
_ROW = """
<tr>
  <td data-label="{}" class="nowrap"><time datetime="{}">{}</time></td>
  <td class="lead" data-label="{}"><a href="{}" class="tone" data-tone="{}">{}</a> {}</td>
  {}
  <td data-label="{}"><span>{} {}</span></td>
  {}
  {}
</tr>"""
_FORGED = """
<tr>
  <td data-label="{}"></td>
  <td class="lead" data-label="{}" colspan="5">
    <a href="{}" class="tone" data-tone="bad">{}</a>
    <small>{}</small>
  </td>
</tr>"""
_NONE = format_html("<td>{}</td>", "")


@register.simple_tag
def log_rows(events: Iterable[Event]) -> SafeString:
    """What each event's hashed text says; an event that the ledger did not write is shown as it is."""
    return format_html_join(
        "", "{}", ((_said(event, event.entry) if event.entry else _forged(event),) for event in events)
    )


def _said(event: Event, entry: Entry) -> SafeString:
    return format_html(
        _ROW,
        _("Time (UTC)"),
        entry.at.isoformat(),
        date_format(template_localtime(entry.at), "DATETIME_FORMAT"),
        _("Event"),
        reverse("audit:event", args=[event.pk]),
        wording.tone(entry),
        wording.title(entry),
        _small(wording.line(entry)),
        format_html('<td data-label="{}">{}</td>', _("Code"), response_code(entry.code))
        if wording.has_code(entry)
        else _NONE,
        _("Person"),
        _by(entry),
        _small(visible(entry.address)),
        _change(entry.change),
        _secret(entry.secret),
    )


def _forged(event: Event) -> SafeString:
    shown = truncatechars(visible(event.text), _RAW_SHOWN)
    whole = reverse("audit:event", args=[event.pk])
    return format_html(_FORGED, _("Time (UTC)"), _("Event"), whole, _("Not written by the portal"), shown)


def _by(entry: Entry) -> SafeString | str:
    """Who did it, as a link to what else they did: as in audit/_by.html."""
    who = wording.who(entry)
    if entry.actor:
        return format_html('<a href="{}">{}</a>', reverse("audit:person", args=[entry.actor]), who)
    return who or format_html('<span class="muted">{}</span>', _("the portal"))


def _change(number: int | None) -> SafeString:
    if number is None:
        return _NONE
    address = reverse("audit:change_timeline", args=[number])
    return format_html('<td data-label="{}" class="nowrap"><a href="{}">CR-{}</a></td>', _("Change"), address, number)


def _secret(number: int | None) -> SafeString:
    if number is None:
        return _NONE
    address = reverse("audit:secret", args=[number])
    return format_html('<td data-label="{}"><a href="{}">{}</a></td>', _("Secret"), address, number)


def _small(text: str) -> SafeString | str:
    return format_html("<small>{}</small>", text) if text else ""
