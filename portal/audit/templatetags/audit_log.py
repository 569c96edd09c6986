"""How an event is drawn."""

from __future__ import annotations

from django import template

from portal.audit import wording
from portal.audit.visible import visible

register = template.Library()
register.filter("who", wording.who)
register.filter("tone", wording.tone)
register.filter("has_code", wording.has_code)
register.filter("line", wording.line)
register.filter("facts", wording.facts)
register.filter("title_of", wording.title)
register.filter("visible", visible)
