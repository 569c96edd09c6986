"""The rows of the log, built in Python: as nested templates they took a third of the page's time."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.template.defaultfilters import truncatechars
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]  # missing in the stubs
from django.utils.translation import gettext as _

from portal.audit import event_text
from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.audit.templatetags.audit_log import by
from portal.audit.visible import escape_invisible
from portal.web.row_html import build_url_function, escape_labels
from portal.web.templatetags.portal_ui import response_code

register = template.Library()

_RAW_SHOWN = 160
_ROW = """
<tr>
  <td data-label="{time}" class="nowrap"><time datetime="{instant}">{at}</time></td>
  <td class="lead" data-label="{event}"><a href="{address}" class="tone" data-tone="{tone}">{title}</a> {line}</td>
  {answer}
  <td data-label="{person}"><span>{who} {origin}</span></td>
  {change}
  {secret}
</tr>"""
_FORGED = """
<tr>
  <td data-label="{time}"></td>
  <td class="lead" data-label="{event}" colspan="5">
    <a href="{address}" class="tone" data-tone="bad">{forged}</a>
    <small>{shown}</small>
  </td>
</tr>"""
_CODE = '<td data-label="{}">{}</td>'
_CR = '<td data-label="{}" class="nowrap"><a href="{}">CR-{}</a></td>'
_API = '<td data-label="{}"><a href="{}">{}</a></td>'
_NONE = format_html("<td>{}</td>", "")


@register.simple_tag
def log_rows(events: Iterable[Event]) -> SafeString:
    """Render the rows of events from their hashed texts; show a text that the ledger did not write as it is."""
    table = _Table()
    return format_html_join("", "{}", ((table.row(event),) for event in events))


class _Table:
    """Renderer of a list of events: what is the same in every row is translated, escaped and resolved once."""

    def __init__(self) -> None:
        self._words = escape_labels(time=_("Time (UTC)"), event=_("Event"), person=_("Person"))
        self._heads = escape_labels(code=_("Code"), change=_("Change"), secret=_("Secret"))
        self._event_at, self._secret_at = build_url_function("audit:event"), build_url_function("audit:secret")
        self._change_at = build_url_function("audit:change_timeline")
        self._by: dict[str, SafeString | str] = {}

    def row(self, event: Event) -> SafeString:
        return self._said(event, event.entry) if event.entry else self._forged(event)

    def _said(self, event: Event, entry: Entry) -> SafeString:
        return format_html(
            _ROW,
            **self._words,
            instant=entry.at.isoformat(),
            at=date_format(template_localtime(entry.at), "DATETIME_FORMAT"),
            address=self._event_at(event.pk),
            tone=event_text.event_tone(entry),
            title=event_text.event_title(entry),
            line=_small(event_text.summary_line(entry)),
            answer=self._answer(entry),
            who=self._who(entry),
            origin=_small(escape_invisible(entry.address)),
            change=self._change(entry.change),
            secret=self._secret(entry.secret),
        )

    def _forged(self, event: Event) -> SafeString:
        return format_html(
            _FORGED,
            **self._words,
            address=self._event_at(event.pk),
            forged=_("Not written by the portal"),
            shown=truncatechars(escape_invisible(event.text), _RAW_SHOWN),
        )

    def _answer(self, entry: Entry) -> SafeString:
        if not event_text.has_http_status(entry):
            return _NONE
        return format_html(_CODE, self._heads["code"], response_code(entry.code))

    def _change(self, number: int | None) -> SafeString:
        return _NONE if number is None else format_html(_CR, self._heads["change"], self._change_at(number), number)

    def _secret(self, number: int | None) -> SafeString:
        return _NONE if number is None else format_html(_API, self._heads["secret"], self._secret_at(number), number)

    def _who(self, entry: Entry) -> SafeString | str:
        if not entry.actor:
            return by(entry)
        if entry.actor not in self._by:
            self._by[entry.actor] = by(entry)
        return self._by[entry.actor]


def _small(text: str) -> SafeString | str:
    return format_html("<small>{}</small>", text) if text else ""
