"""Rows of lists of changes, each formatted at once: as templates of forty values they took a third of a page's time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template
from django.http import QueryDict
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.changes.domain.risks import RiskLevel
from portal.changes.forms.bulk import BulkVoteForm
from portal.changes.presenters.change_rows import ChangeRow
from portal.changes.templatetags.change_ui import LEVEL_ICONS, age, when
from portal.common.invisible_characters import show_invisible
from portal.web.row_html import build_url_function, escape_labels
from portal.web.templatetags.portal_ui import badge, icon, response_code

register = template.Library()

_REASON_SHOWN = 90
_WAITING = """
<tr{current}>
  <td class="pick">
    <span id="pick-{pk}">
      <label>
        <input type="checkbox" form="bulk" name="picks" value="{pick}" autocomplete="off"{alone}{checked}>
        <span class="visually-hidden">{choose}</span>
      </label>
    </span>
  </td>
  <td class="lead" data-label="{change}">
    <a id="row-{pk}" data-beside href="{address}" hx-get="{beside}" hx-target="#desk" hx-sync="#main:replace"
       hx-swap="outerHTML settle:0ms">{number}</a>
    <small>{fields}</small>
    {chips}
    <strong id="taken-{pk}" class="taken"></strong>
  </td>
  <td data-label="{secret}">
    <span class="mono clamp">{name}</span>
    <small class="clamp">{reason}</small>
  </td>
  <td data-label="{requester}">{person}</td>
  <td data-label="{risk}"><div>{level}</div></td>
  <td class="nowrap" data-label="{waiting}">{age}</td>
  <td class="nowrap" data-label="{votes}"><div>{approvals}/{required} <small>{missing}</small></div></td>
</tr>"""

_LISTED = """
<tr>
  <td class="lead" data-label="{change}">{lead}</td>
  {secret}
  {requester}
  <td data-label="{status}">{badge} <small>{next}</small></td>
  {answer}
  <td data-label="{proposed}" class="nowrap">{when}</td>
</tr>"""
_CELL = '<td data-label="{}">{}</td>'
_NONE = format_html("<td>{}</td>", "")


@register.simple_tag
def change_rows(rows: Iterable[ChangeRow], *, secret: bool = False, requester: bool = False) -> SafeString:
    """Return the rows of changes; a row that is not linked shows only that a change exists that the user may not open.

    `secret` and `requester` add those columns.
    """
    words = escape_labels(change=_("Change"), status=_("Status"), proposed=_("Proposed"))
    heads = escape_labels(secret=_("Secret"), requester=_("Requester"), answer=_("Answer"))
    address = build_url_function("changes:change")
    drawn = []
    for row in rows:
        change = row.change
        name = format_html('<span class="mono clamp">{}</span>', show_invisible(change.secret_name)) if secret else ""
        code = response_code(change.last_http_status) if change.last_http_status else ""
        cells = {
            "lead": _lead(row, address(change.pk)),
            "secret": format_html(_CELL, heads["secret"], name) if secret else "",
            "requester": format_html(_CELL, heads["requester"], _requester(row)) if requester else "",
            "badge": badge(row.badge_status, row.badge_label),
            "next": _next(row, address(change.pk)),
            "answer": format_html(_CELL, heads["answer"], code) if code else _NONE,
            "when": when(change.created_at),
        }
        drawn.append(words | cells)
    return format_html_join("", _LISTED, drawn)


def _lead(row: ChangeRow, address: str) -> SafeString | str:
    if not row.linked:
        return row.change.reference
    return format_html('<a href="{}">{}</a> <small>{}</small>', address, row.change.reference, row.field_names)


def _next(row: ChangeRow, address: str) -> SafeString | str:
    if not (row.linked and row.retryable):
        return row.next
    return format_html('<a href="{}#again">{}</a>', address, _("Retry"))


def _requester(row: ChangeRow) -> SafeString | str:
    if row.linked:
        return row.change.requester.display_name
    return format_html('<span class="muted">{}</span>', _("somebody else"))


@register.simple_tag
def queue_rows(rows: Iterable[ChangeRow], selected: int | str, place: QueryDict, bulk: BulkVoteForm) -> SafeString:
    """Return the rows of the queue. `selected`: id of the change beside the list; `bulk`: the form of the boxes."""
    words = escape_labels(
        change=_("Change"),
        secret=_("Secret"),
        requester=_("Requester"),
        risk=_("Risk"),
        waiting=_("Waiting"),
        votes=_("Votes"),
    )
    queue, beside, picked = reverse("changes:queue"), place.copy(), bulk.picked
    address = build_url_function("changes:change")
    drawn = []
    for row in rows:
        beside["open"] = str(row.change.pk)
        at_this_place = {
            "address": address(row.change.pk),
            "beside": f"{queue}?{beside.urlencode()}",
            "current": " aria-current=true" if row.change.pk == selected else "",
            "checked": " checked" if row.pick in picked else "",
        }
        drawn.append(words | at_this_place | _cells(row))
    return format_html_join("", _WAITING, drawn)


def _cells(row: ChangeRow) -> dict[str, Any]:
    change = row.change
    missing = ngettext("%(missing)s missing", "%(missing)s missing", row.missing)
    return {
        "pk": change.pk,
        "pick": row.pick,
        "alone": " data-alone" if row.level == RiskLevel.HIGH else "",
        "choose": _("Choose %(number)s") % {"number": change.reference},
        "number": change.reference,
        "chips": format_html_join(" ", '<span class="chip">{}</span>', ((chip,) for chip in row.chips)),
        "fields": row.field_names,
        "name": show_invisible(change.secret_name),
        "reason": truncatechars(show_invisible(row.revision.reason), _REASON_SHOWN),
        "person": change.requester.display_name,
        "level": _level(row),
        "age": age(change.created_at),
        "approvals": row.approvals,
        "required": row.required,
        "missing": missing % {"missing": row.missing},
    }


def _level(row: ChangeRow) -> SafeString:
    """Return the level of risk with an icon, and the rules that apply."""
    drawn = format_html(
        '<span class="level" data-level="{}">{} {}</span>',
        row.level.name,
        icon(LEVEL_ICONS[row.level]),
        row.level.label,
    )
    if not row.risks:
        return drawn
    fired = format_html_join(" ", "<span>{}</span>", ((risk.word,) for risk in row.risks))
    return format_html('{}<small class="fired">{}</small>', drawn, fired)
